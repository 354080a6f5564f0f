"""Jobs that no pool can ever take are told, with the cure."""

import asyncio
import difflib
from dataclasses import replace
from typing import Any

import pytest

from registrar.forges.forge import Job
from registrar.pods import Stage
from registrar.queue import Pool
from registrar.unserved import MOST_KINDS, MOST_OFFERED, MOST_UNKNOWN, Unserved, without_node, without_pool
from tests.registrar.conftest import World
from tests.registrar.stand_in_cluster import runner_pod
from tests.registrar.test_brake import ended_pod
from tests.registrar.test_queue import GUIDE, job, pool
from values.scope import GITEA

TOO_MANY = (
    "0/3 nodes are available: 3 Insufficient nvidia.com/gpu. preemption: 0/3 nodes are available: 3 Preemption is not "
    "helpful for scheduling."
)
IN_USE = (
    "0/3 nodes are available: 3 Insufficient nvidia.com/gpu. preemption: 0/3 nodes are available: 3 No preemption "
    "victims found for incoming pod."
)


def told(pools: list[Pool], *waiting: Job) -> list[Unserved]:
    return without_pool(GUIDE, pools, waiting)


def test_a_label_that_nobody_offers_is_told_with_the_one_that_was_meant() -> None:
    (entry,) = told([pool("cuda", "cml-gpu")], job(1, "cml-gpuu"), job(2, "cml-gpuu"))
    assert (entry.reason, entry.number, entry.labels) == ("NoPool", 2, ("cml-gpuu",))
    assert entry.cure == "did you mean cml-gpu instead of cml-gpuu?"
    assert "mlops/guide" in entry.problem


def test_at_gitea_a_label_in_another_case_is_told_with_the_one_that_is_offered() -> None:
    """Gitea gives such a job to nobody."""
    (entry,) = told([pool("cuda", "gpu", forge=GITEA)], job(1, "GPU"))
    assert (entry.reason, entry.cure) == ("NoPool", "did you mean gpu instead of GPU?")


def test_a_label_like_no_other_is_told_with_those_that_are_offered() -> None:
    (entry,) = told([pool("cuda", "cml-gpu"), pool("base", "self-hosted")], job(1, "h100"))
    assert (
        entry.cure == "add h100 to the labels of a pool, or write one of those that are offered: cml-gpu, self-hosted"
    )


def test_labels_that_no_single_pool_has_together_are_told() -> None:
    (entry,) = told([pool("a", "gpu"), pool("b", "big")], job(1, "gpu", "big"))
    assert entry.cure.startswith("no single pool has all of them")


def test_a_group_that_the_repository_may_not_use_is_told() -> None:
    (entry,) = told([pool("a", "gpu", group="red")], job(1, "gpu", groups=frozenset()))
    assert (entry.reason, "red" in entry.cure) == ("NoGroup", True)


@pytest.mark.parametrize("label", ["cml-gpu", "CML-GPU"])
def test_a_job_that_a_pool_can_take_is_not_told_however_full_the_pool_is(label: str) -> None:
    assert told([pool("cuda", "cml-gpu", most=1)], *(job(n, label) for n in range(9))) == []


@pytest.mark.parametrize("label", ["ubuntu-latest", "Windows-2025", "macos-15"])
def test_jobs_for_the_forges_own_runners_are_nobodys_here(label: str) -> None:
    assert told([pool("cuda", "cml-gpu")], job(1, label)) == []


@pytest.mark.parametrize("labels", [("self-hosted", "ubuntu-latest"), ("gpu-a100", "ubuntu-24.04")])
def test_a_job_that_wants_more_than_a_runner_of_the_forges_own_has_is_told(labels: tuple[str, ...]) -> None:
    (entry,) = told([pool("cuda", "cml-gpu")], job(1, *labels))
    assert (entry.reason, entry.labels) == ("NoPool", labels)


def test_labels_made_up_by_the_thousand_hold_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may push writes them, and all pools wait for the answer: to look for one's nearest takes milliseconds."""
    looked: list[str] = []

    def nearest(word: str, possibilities: list[str], n: int) -> list[str]:
        looked.append(word)
        return possibilities[:n] if len(possibilities) <= MOST_OFFERED else []

    monkeypatch.setattr(difflib, "get_close_matches", nearest)
    pools = [pool(f"p{number}", *(f"gpu-{number}-{each}" for each in range(9))) for number in range(50)]
    entries = told(pools, *(job(n, *(f"gpu-{n}-{each}-x" for each in range(30))) for n in range(1, 1001)))
    assert len(looked) <= MOST_UNKNOWN
    assert (len(entries), sum(entry.number for entry in entries)) == (MOST_KINDS + 1, 1000)
    assert "900 more sets of labels" in entries[-1].problem
    assert "gpu-0-0 instead of" in entries[0].cure


@pytest.mark.parametrize("label", ["ubuntu-v100", "windows-gpu", "macos-"])
def test_a_label_that_only_begins_like_one_of_the_forges_own_is_told(label: str) -> None:
    (entry,) = told([pool("cuda", "cml-gpu")], job(1, label))
    assert (entry.reason, entry.labels) == ("NoPool", (label,))


def test_more_gpus_than_any_node_has_are_told_as_the_scheduler_puts_it() -> None:
    pod = replace(
        ended_pod("a", at=1), namespace="runners", pool="huge", stage=Stage.SCHEDULING, ended=None, cause=TOO_MANY,
        hopeless=True,
    )  # fmt: skip
    (entry,) = without_node(
        [pool("huge", "huge"), pool("a", "a")], [job(1, "huge"), job(2, "a")], {"runners/huge": [pod]}
    )
    assert (entry.reason, entry.pool, entry.number) == ("NoNode", "runners/huge", 1)
    assert entry.cure.startswith("ask for no more nvidia.com/gpu than one node has")


def test_a_job_that_another_pool_can_take_is_not_told_because_one_has_no_node() -> None:
    pod = replace(
        ended_pod("a", at=1), namespace="runners", pool="huge", stage=Stage.SCHEDULING, ended=None, cause=TOO_MANY,
        hopeless=True,
    )  # fmt: skip
    pools = [pool("huge", "gpu", "huge"), pool("small", "gpu", "z")]
    (entry,) = without_node(pools, [job(1, "gpu"), job(2, "huge")], {"runners/huge": [pod]})
    assert (entry.number, entry.jobs) == (1, ("job 2 (train)",))


async def unserved(world: World) -> list[dict[str, Any]]:
    async with world.http.get(f"{world.status_url}/unserved") as response:
        assert response.status == 200
        entries: list[dict[str, Any]] = (await response.json())["jobs"]
        return entries


async def comes(world: World, number: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(60):
        while len(entries := await unserved(world)) != number:
            await asyncio.sleep(0.02)
    return entries


def waiting_pod(message: str) -> dict[str, Any]:
    pod = runner_pod()
    words = {"reason": "Unschedulable", "message": message}
    pod["status"] = {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", **words}]}
    return pod


def test_a_job_is_told_though_a_pool_without_any_runner_has_its_labels() -> None:
    """As a release leaves a pool with `replicas`: nothing gives it one."""
    pod = replace(
        ended_pod("a", at=1), namespace="runners", pool="huge", stage=Stage.SCHEDULING, ended=None, cause=TOO_MANY,
        hopeless=True,
    )  # fmt: skip
    pools = [pool("released", "gpu", most=0, is_fixed=True), pool("huge", "gpu", most=4)]
    (entry,) = without_node(pools, [job(1, "gpu")], {"runners/huge": [pod]})
    assert (entry.pool, entry.number) == ("runners/huge", 1)
    pools[0] = replace(pools[0], most=1)
    assert without_node(pools, [job(1, "gpu")], {"runners/huge": [pod]}) == []


async def test_whoever_looks_after_the_registrar_sees_them_and_so_do_metrics(world: World) -> None:
    world.follow()
    await world.cluster.declare()
    world.gitea.job(1, status="queued", labels=["cml-gpuu"])
    world.gitea.job(2, status="queued")
    (entry,) = await comes(world, 1)
    assert (entry["scope"], entry["reason"], entry["jobs"]) == ("mlops/guide", "NoPool", ["job 1 (train)"])
    assert b'gpu_runners_unserved_jobs{reason="NoPool",scope="mlops/guide"} 1.0' in world.metrics.render()
    world.gitea.job(1, status="completed", conclusion="cancelled")
    await comes(world, 0)
    assert b'gpu_runners_unserved_jobs{reason="NoPool",scope="mlops/guide"} 0.0' in world.metrics.render()


async def test_a_pod_that_no_node_could_hold_is_told_and_one_that_waits_its_turn_is_not(world: World) -> None:
    world.follow()
    await world.cluster.declare()
    world.gitea.job(1, status="queued")
    pod = waiting_pod(IN_USE)
    await world.cluster.create(pod)
    await comes(world, 0)
    pod["status"]["conditions"][0]["message"] = TOO_MANY
    await world.cluster.put(pod)
    (entry,) = await comes(world, 1)
    assert (entry["reason"], entry["pool"]) == ("NoNode", "runners/cuda")
    await world.cluster.declare("other", most=4)
    await comes(world, 0)
    counts = await world.service.queue.read()
    assert counts["runners/other"]["wanted"] == 1, "another pool that can take it"
    assert counts["runners/cuda"]["wanted"] == 1, "the pod by which it is seen that a node can hold one again"


def test_an_entry_is_told_with_every_field_by_its_name() -> None:
    entry = Unserved(
        scope=GUIDE, reason="NoNode", labels=("cml-gpu",), number=2, jobs=("1", "2"), pool="runners/cuda", problem="p",
        cure="c",
    )  # fmt: skip
    assert entry.document() == {
        "scope": "mlops/guide", "reason": "NoNode", "labels": ["cml-gpu"], "number": 2, "jobs": ["1", "2"],
        "pool": "runners/cuda", "problem": "p", "cure": "c",
    }  # fmt: skip
