"""Nodes whose clocks are ahead or behind: nothing is decided by them that we have seen ourselves."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrar.beginnings import LATE_SECONDS, begun
from registrar.forges.forge import Pace
from registrar.pod_store import PodStore
from registrar.pods import RunnerPod, Stage
from tests.registrar.conftest import World, open_world, until
from tests.registrar.stand_in_cluster import end, runner_pod, stamp, start
from tests.registrar.test_brake import ended_pod
from tests.registrar.test_loop import NAME, a_registered_pod, an_online_pod, annotation, cycles, gate, runner_id
from tests.registrar.test_reading import read
from values import contract

NOW = 10_000.0
BEHIND, AHEAD = -600.0, 600.0
SKEWS = pytest.mark.parametrize("skew", [BEHIND, AHEAD], ids=["behind", "ahead"])
MOMENTS = st.floats(-1e11, 3e11)  # seconds: from before the year 1 to after the year 9999


def pod(stamped: float, stage: Stage = Stage.STARTING, **changes: Any) -> RunnerPod:
    """As it is read: since when by its node's clock."""
    facts = {"since": stamped, "stamped": stamped, "created": NOW - 300, "stage": stage, "ended": None, **changes}
    return replace(ended_pod("a", at=stamped), **facts)


def seen(pod: RunnerPod, before: RunnerPod | None = None, *, known_at: float = NOW) -> float:
    return begun(pod, before, now=NOW, known_at=known_at).since


def test_a_node_whose_clock_is_right_is_believed_to_the_second() -> None:
    before = pod(NOW - 200, Stage.PULLING)
    assert seen(pod(NOW - 1.5), before) == NOW - 1.5
    assert seen(pod(NOW - 40), before, known_at=NOW - 60) == NOW - 40, "a list after an outage tells when it was"


@pytest.mark.parametrize(("skew", "least"), [(BEHIND, NOW - LATE_SECONDS), (AHEAD, NOW)])
def test_what_was_just_told_has_just_begun(skew: float, least: float) -> None:
    assert seen(pod(NOW + skew), pod(NOW - 200, Stage.PULLING)) == least


@pytest.mark.parametrize(("skew", "since"), [(BEHIND, NOW - 60 - LATE_SECONDS), (AHEAD, NOW)])
def test_what_a_list_tells_after_an_outage_began_during_it(skew: float, since: float) -> None:
    assert seen(pod(NOW + skew), pod(NOW - 200, Stage.PULLING), known_at=NOW - 60) == since


@pytest.mark.parametrize(("skew", "since"), [(BEHIND, NOW - 300), (AHEAD, NOW)])
def test_of_a_pod_that_is_new_to_us_nothing_began_before_it_was_there(skew: float, since: float) -> None:
    assert seen(pod(NOW + skew)) == since
    assert seen(pod(NOW + skew), replace(pod(NOW + skew, since=5.0), uid="a namesake")) == since


def test_how_long_a_deleted_pod_had_to_end_stays_known_when_it_is_taken_away() -> None:
    before = pod(NOW - 60, Stage.TERMINATING, deleting=True, killed_at=NOW + 300)
    last = pod(NOW, Stage.COMPLETED, deleting=True, killed_at=None)
    assert begun(last, before, now=NOW, known_at=NOW).killed_at == NOW + 300
    assert begun(last, replace(before, uid="a namesake"), now=NOW, known_at=NOW).killed_at is None
    shortened = replace(last, killed_at=NOW + 5)
    assert begun(shortened, before, now=NOW, known_at=NOW).killed_at == NOW + 5


def test_what_was_known_stays_though_the_stage_is_called_otherwise() -> None:
    """As where its runner comes online."""
    known = begun(pod(NOW + AHEAD), pod(NOW - 200, Stage.PULLING), now=NOW, known_at=NOW)
    later = begun(pod(NOW + AHEAD, Stage.RUNNING), known, now=NOW + 50, known_at=NOW + 50)
    assert (later.stage, later.since) == (Stage.RUNNING, NOW)


def test_the_end_of_a_runner_is_the_same_moment_and_how_long_it_ran_its_nodes_word() -> None:
    read = replace(ended_pod("a", at=NOW + BEHIND, ran=7.0), stamped=NOW + BEHIND)
    told = begun(read, pod(NOW - 100, Stage.RUNNING), now=NOW, known_at=NOW)
    assert told.ended is not None
    assert (told.since, told.ended.at, told.ended.ran_seconds) == (NOW - LATE_SECONDS, NOW - LATE_SECONDS, 7.0)


@given(MOMENTS, MOMENTS, st.floats(NOW - 100, NOW))
def test_whatever_a_node_says_nothing_begins_in_the_future_or_before_it_can_have(
    stamped: float, before: float, known_at: float
) -> None:
    since = seen(pod(stamped), pod(before, Stage.PULLING, since=NOW - 150), known_at=known_at)
    assert since <= NOW
    assert since >= known_at - LATE_SECONDS or before == stamped
    assert NOW - 300 <= seen(pod(stamped)) <= NOW


def by_its_nodes_clock(pod: dict[str, Any], skew: float) -> dict[str, Any]:
    """The same pod on a node whose clock is off by that many seconds."""
    (state,) = (status["state"] for status in pod["status"]["containerStatuses"])
    for fields in state.values():
        fields["startedAt"] = stamp(-skew + (1.0 if "finishedAt" in fields else 0.0))
        if "finishedAt" in fields:
            fields["finishedAt"] = stamp(-skew)
    return pod


@SKEWS
async def test_a_runner_is_given_its_time_to_come_online_and_no_other(world: World, skew: float) -> None:
    world.run()
    document = await a_registered_pod(world)
    await until(world.store.pods)
    await world.cluster.put(by_its_nodes_clock(start(document), skew))
    await until(lambda: world.store.pods()[0].stage is Stage.STARTING)
    await cycles(world, 3)
    assert world.gitea.runners[1]["disabled"] is False
    assert world.cluster.deleted == []
    world.gitea.come_online(1)
    await until(lambda: gate(document) == "True")


@SKEWS
def test_how_long_a_runner_ran_is_known_whatever_its_node_calls_the_time(skew: float) -> None:
    document = by_its_nodes_clock(end(runner_pod(), exit_code=1), skew)
    ended = read(document).ended
    assert ended is not None
    assert ended.ran_seconds == pytest.approx(1.0, abs=1.0)
    assert ended.ran_seconds > 0


HASTY = {"deadlines": {"scheduleSeconds": 9, "pullSeconds": 9, "onlineSeconds": 1, "lostSeconds": 9, "ghostSeconds": 9}}


@pytest.mark.parametrize("world", [HASTY], indirect=True)
@SKEWS
async def test_a_runner_that_never_comes_online_is_given_up_all_the_same(world: World, skew: float) -> None:
    world.run()
    document = await a_registered_pod(world)
    await until(world.store.pods)
    await world.cluster.put(by_its_nodes_clock(start(document), skew))
    await until(lambda: world.cluster.deleted == [NAME])


@SKEWS
async def test_a_pool_whose_runners_die_at_once_is_braked(world: World, skew: float) -> None:
    world.run()
    document = await a_registered_pod(world)
    await until(world.store.pods)
    await world.cluster.put(by_its_nodes_clock(end(document, exit_code=127), skew))
    await until(lambda: contract.RUNNER_FAILED in world.cluster.reasons())
    second = runner_pod("cuda-abc-bbbbb")
    await world.cluster.create(second)
    assert (await world.register(second))[0] == 429


@SKEWS
async def test_a_job_that_failed_by_itself_is_not_lost(world: World, skew: float) -> None:
    """Else it would be run again, where its environment wants that for lost ones."""
    await a_busy_runner_ends(world, skew, exit_code=0, completed=stamp())
    await until(lambda: contract.RUNNER_COMPLETED in world.cluster.reasons())
    assert contract.JOB_LOST not in world.cluster.reasons()


@SKEWS
async def test_a_job_that_the_forge_gave_up_ten_minutes_later_is_lost(world: World, skew: float) -> None:
    await a_busy_runner_ends(world, skew, exit_code=137, completed=stamp(-590))
    await until(lambda: contract.JOB_LOST in world.cluster.reasons())


async def a_busy_runner_ends(world: World, skew: float, *, exit_code: int, completed: str) -> None:
    world.run()
    document = await an_online_pod(world)
    world.gitea.job(7, runner_id=1, runner_name=NAME)
    await until(lambda: annotation(document, contract.BUSY_ANNOTATION) == "7")
    times = {"status": "completed", "conclusion": "failure", "completed_at": completed}
    world.gitea.job(7, runner_id=1, runner_name=NAME, **times)
    await world.cluster.put(by_its_nodes_clock(end(document, exit_code=exit_code), skew))


@SKEWS
async def test_who_just_started_is_looked_up_before_the_next_list_of_runners(tmp_path: Path, skew: float) -> None:
    """At GitHub, where a runner that cannot be online yet is not asked for."""
    pace = Pace(burst=0.05, active=0.1, idle=0.2, census=600.0, connects=0.5)
    async with open_world(tmp_path, "github", pace) as world:
        world.run()
        document = await a_registered_pod(world)
        await until(world.store.pods)
        await world.cluster.put(by_its_nodes_clock(start(document), skew))
        world.github.come_online(runner_id(document))
        await until(lambda: gate(document) == "True")


@SKEWS
async def test_the_failed_pod_of_such_a_node_is_kept_as_long_as_any_other(world: World, skew: float) -> None:
    world.run()
    for number in range(4):
        old = end(runner_pod(f"cuda-abc-0000{number}"), exit_code=1)
        old["metadata"]["creationTimestamp"] = stamp(100)
        await world.cluster.create(by_its_nodes_clock(old, -60.0 + 10 * number))
    await until(lambda: len(world.cluster.deleted) == 1)
    document = runner_pod("cuda-abc-last0")
    await world.cluster.create(document)
    await until(lambda: world.store.get("runners", "cuda-abc-last0"))
    await world.cluster.put(by_its_nodes_clock(end(document, exit_code=1), skew))
    await until(lambda: len(world.cluster.deleted) == 2)
    assert sorted(world.cluster.deleted) == ["cuda-abc-00000", "cuda-abc-00001"]


@pytest.mark.parametrize("is_told_more", [False, True])
async def test_what_changed_while_nothing_could_be_read_began_after_it_was_read_last(
    world: World, is_told_more: bool
) -> None:
    base = time.time()
    now = [base]
    store = PodStore(world.api, ["runners"], clock=lambda: now[0])
    document, other = runner_pod(), runner_pod("cuda-abc-bbbbb")
    await world.cluster.create(document)
    world.tasks.append(asyncio.create_task(store.follow("runners")))
    await until(lambda: store.pods() and world.cluster.watched["Pod"])
    now[0] += 100
    if is_told_more:
        await world.cluster.create(other)
        await until(lambda: len(store.pods()) == 2)
    world.cluster.away = True
    world.cluster.break_watches()
    await until(lambda: not store.knows("runners"))
    await world.cluster.put(by_its_nodes_clock(start(document), BEHIND))
    now[0] += 50
    world.cluster.away = False
    await until(store.pods)
    (pod,) = (pod for pod in store.pods() if pod.name == NAME)
    assert pod.since == base + (100 if is_told_more else 0) - LATE_SECONDS
