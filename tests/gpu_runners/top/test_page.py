"""One look as lines: every pool with its answer, runners, GPUs by placement, the last failures."""

import pytest

from gpu_runners.top.columns import table
from gpu_runners.top.page import MOST_UNSERVED, page
from tests.access.causes.world import REGISTRAR, World


def lines(world: World) -> list[str]:
    return [line.rstrip() for line in page("prod", "12:00:00", [world.facts()])]


def part(world: World, head: str) -> list[str]:
    """The lines of one table."""
    shown = lines(world)
    start = next(number for number, line in enumerate(shown) if line.startswith(head))
    end = shown.index("", start) if "" in shown[start:] else len(shown)
    return shown[start:end]


def test_a_pool_is_shown_with_its_numbers_and_the_answer_of_why() -> None:
    world = World()
    world.queue(3, 2)
    head, row = part(world, "POOL")
    assert head.split() == ["POOL", "ONLINE", "WANTED", "WAITING", "RUNNING", "STATE"]
    assert row.split()[:5] == ["gpu-runners-test/workers", "2", "2", "3", "2"]
    assert "all-runners-busy: 3 jobs wait" in row


def test_a_runner_is_shown_with_its_node_its_age_and_its_job() -> None:
    world = World()
    world.pods[0]["metadata"]["annotations"]["gpu-runners.dev/busy"] = "4711"
    _, busy, idle = part(world, "RUNNER")
    assert busy.split() == ["workers-59ccb65746-544jl", "lab", "7m", "job", "4711"]
    assert idle.split()[-1] == "idle"


def test_a_runner_that_the_forge_sees_no_more_is_not_idle() -> None:
    world = World()
    world.runners[0]["online"] = False
    _, pool = part(world, "POOL")
    _, away, idle = part(world, "RUNNER")
    assert "runner-offline: workers-59ccb65746-544jl was online" in pool
    assert (away.endswith("offline at the forge"), idle.split()[-1]) == (True, "idle")


def test_gpus_are_counted_by_placement() -> None:
    world = World()
    world.pods[0]["metadata"]["annotations"]["gpu-runners.dev/busy"] = "4711"
    rows = [line.split() for line in part(world, "PLACEMENT")[1:]]
    assert rows == [
        ["NVIDIA-A100-SIMULATED", "nvidia.com/gpu", "1", "4", "2", "1", "0", "2"],
        ["NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu", "1", "8", "0", "0", "0", "8"],
    ]


@pytest.mark.parametrize("is_cordoned", [True, False])
def test_gpus_of_a_node_that_takes_no_pod_are_not_free(is_cordoned: bool) -> None:
    world = World()
    world.node["spec"]["unschedulable"] = is_cordoned
    if not is_cordoned:
        world.node["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    assert part(world, "PLACEMENT")[1].split()[2:] == ["1", "4", "2", "0", "2", "0"]


def test_gpus_that_a_pool_asks_for_are_shown_whoever_makes_them() -> None:
    world = World()
    world.template["containers"][0]["resources"]["limits"] = {"habana.ai/gaudi": "4"}
    world.template["containers"][0]["resources"]["requests"] = {}
    world.pods[0]["spec"]["containers"][0]["resources"]["limits"]["habana.ai/gaudi"] = "4"
    world.node["status"]["allocatable"] |= {"habana.ai/gaudi": "8", "example.com/fuse": "100"}
    shown = [line.split()[1:] for line in part(world, "PLACEMENT")[1:]]
    assert ["habana.ai/gaudi", "1", "8", "4", "0", "0", "4"] in shown
    assert not any("example.com/fuse" in row for row in shown)


def test_jobs_that_no_pool_can_take_are_shown_once() -> None:
    world = World()
    entry = {"scope": "mlops/tests", "number": 2, "problem": "no pool offers cuda-13", "cure": "did you mean 12?"}
    world.answers[f"{REGISTRAR}/unserved"] = {"jobs": [entry]}
    shown = page("prod", "12:00:00", [world.facts(), world.facts()])
    assert shown.count("2 jobs that no pool can take: no pool offers cuda-13; did you mean 12?") == 1


def test_jobs_of_made_up_labels_fill_no_page() -> None:
    world = World()
    entry = {"scope": "mlops/tests", "number": 2, "cure": "did you mean 12?"}
    jobs = [{**entry, "problem": f"no pool offers cuda-{number}"} for number in range(100)]
    world.answers[f"{REGISTRAR}/unserved"] = {"jobs": jobs}
    shown = [line for line in lines(world) if "no pool can take" in line]
    assert (len(shown), shown[-1]) == (MOST_UNSERVED + 1, "190 more jobs that no pool can take")


def test_of_a_cluster_that_is_away_no_numbers_are_told_but_what_was_found_and_the_cure() -> None:
    world = World()
    world.is_away = True
    assert part(world, "POOL")[1].split()[1:5] == ["-", "-", "-", "-"]
    found, cure = lines(world)[-2:]
    assert (found.endswith("cannot be used: refused"), cure) == (True, "cure: Check")


def test_the_last_failures_are_shown_the_newest_first() -> None:
    world = World()
    world.ended(exitCode=78, message="image contract: no 'sleep'", finishedAt="2026-11-26T20:50:30Z")
    assert part(world, "FAILED")[1].split(maxsplit=2) == [
        "20:50:30", "workers-59ccb65746-q84mf", "exit code 78: image contract: no 'sleep'",
    ]  # fmt: skip


def test_a_runner_that_ended_because_its_pod_was_deleted_is_no_failure() -> None:
    world = World()
    world.ended(exitCode=143, message="", finishedAt="2026-11-26T20:50:30Z")
    assert part(world, "FAILED")
    next(pod for pod in world.pods if pod["status"]["phase"] == "Failed")["metadata"]["deletionTimestamp"] = "now"
    assert not any(line.startswith("FAILED") for line in lines(world))


def test_what_is_not_known_is_a_dash_or_named() -> None:
    world = World()
    world.no_registrar()
    world.refusals["/api/v1/nodes"] = (403, "forbidden")
    assert part(world, "POOL")[1].split()[3:5] == ["-", "-"]
    assert not any(line.startswith("PLACEMENT") for line in lines(world))
    assert lines(world)[-1] == "not looked at: nodes: GET /api/v1/nodes: 403 forbidden"


def test_why_the_pools_are_not_those_of_the_state_is_told_line_by_line() -> None:
    told = page("prod", "12:00:00", [World().facts()], "2 problems with the state:\n  one\n  two")
    assert told[-3:] == ["not looked at: the state: 2 problems with the state:", "  one", "  two"]


def test_a_table_sets_numbers_to_the_right_and_words_to_the_left() -> None:
    assert list(table(("NAME", "N"), [("a", "5"), ("long-name", "100")])) == [
        "NAME         N",
        "a            5",
        "long-name  100",
    ]
