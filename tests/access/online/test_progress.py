"""When `up` may return, and what it says until then."""

from typing import Any

import pytest

from access.online.progress import is_complete, progress_line
from access.online.snapshot import ContainerSnapshot, EventSnapshot, PodSnapshot, PoolSnapshot

GPU_IN_USE = (
    "0/101 nodes are available: 1 Insufficient nvidia.com/gpu, 100 node(s) had untolerated taint(s). no new claims to "
    "deallocate, preemption: 0/101 nodes are available: 1 No preemption victims found for incoming pod, "
    "100 Preemption is not helpful for scheduling."
)
NO_NODE = (
    "0/101 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 100 node(s) had untolerated "
    "taint(s). no new claims to deallocate, preemption: 0/101 nodes are available: 101 Preemption is not helpful for "
    "scheduling."
)
TOO_MANY = (
    "0/101 nodes are available: 1 Insufficient nvidia.com/gpu, 100 node(s) had untolerated taint(s). no new claims to "
    "deallocate, preemption: 0/101 nodes are available: 101 Preemption is not helpful for scheduling."
)
QUOTA = 'pods "cuda-x" is forbidden: exceeded quota: gpus, requested: requests.nvidia.com/gpu=1, used: 1, limited: 1'
RUNNING = ContainerSnapshot("running")


def online(name: str = "a", **changes: Any) -> PodSnapshot:
    return PodSnapshot(name, online=True, runner=RUNNING, **changes)


def starting(name: str = "b", **changes: Any) -> PodSnapshot:
    return PodSnapshot(name, phase="Pending", **changes)


def waiting(name: str = "c", message: str = GPU_IN_USE) -> PodSnapshot:
    return PodSnapshot(name, phase="Pending", scheduled=False, scheduling_message=message)


def finishing(name: str = "d") -> PodSnapshot:
    return PodSnapshot(name, current=False, online=True, busy=True, terminating=True)


def former(name: str = "e", **changes: Any) -> PodSnapshot:
    return PodSnapshot(name, current=False, online=True, **changes)


def spent(name: str = "f", **changes: Any) -> PodSnapshot:
    return PodSnapshot(name, phase="Succeeded", online=True, busy=True, **changes)


def pool(replicas: int, *pods: PodSnapshot, **changes: Any) -> PoolSnapshot:
    return PoolSnapshot("cuda", replicas, pods=pods, **changes)


COMPLETE = [
    ("every replica is online", pool(1, online())),
    ("a busy runner is online too", pool(1, online(busy=True))),
    ("spent runners do not matter", pool(1, online(), spent(), spent("g"))),
    ("the old one still finishes its job beside the new one", pool(1, online(), finishing())),
    ("a surplus leaves", pool(1, online(), online("b"))),
    ("no replica, no pod", pool(0)),
    ("no replica, the last finishes its job", pool(0, finishing())),
    ("no replica, a spent one is left", pool(0, spent())),
    ("the new one waits for the old one's GPU", pool(1, waiting(), finishing())),
    ("two wait for two", pool(2, waiting("a"), waiting("b"), finishing("c"), finishing("d"))),
    ("the rollout waits with old ones still there", pool(3, waiting(), finishing(), former("x"), former("y"))),
    ("the quota is held by one that finishes its job", pool(1, finishing(), creation_failure=QUOTA)),
    ("the quota is held by two that finish, and two wait",
     pool(2, waiting("a"), waiting("b"), finishing("c"), finishing("d"), creation_failure=QUOTA)),
    ("one online, the other waits", pool(2, online(), waiting(), finishing())),
]  # fmt: skip
INCOMPLETE = [
    ("nothing yet", pool(1)),
    ("starting", pool(1, starting())),
    ("spent is not online", pool(1, spent())),
    ("leaving is not online", pool(1, online(terminating=True))),
    ("the former template is not the present one", pool(1, former())),
    ("one of two", pool(2, online())),
    ("the controller has not seen the change", pool(1, online(), settled=False)),
    ("no Deployment", pool(0, exists=False)),
    ("released, but one is still there", pool(0, online())),
    ("the GPU is held by an idle one that leaves", pool(1, waiting(), former(terminating=True))),
    ("the GPU is held by nobody of this pool", pool(1, waiting())),
    ("two wait for one", pool(2, waiting("a"), waiting("b"), finishing())),
    ("one waits, one starts", pool(2, waiting(), starting(), finishing())),
    ("one waits for its GPU, but fits no node", pool(1, waiting(message=NO_NODE), finishing())),
    ("more replicas than GPUs: the busy one stays", pool(2, online(busy=True), waiting())),
    ("the second is not even created", pool(2, waiting(), finishing())),
    ("the quota is full without anybody leaving", pool(1, creation_failure=QUOTA)),
    ("the quota is held by one, and two wait",
     pool(2, waiting("a"), waiting("b"), finishing("c"), creation_failure=QUOTA)),
    ("a broken creation is no wait", pool(1, finishing(), creation_failure="serviceaccount not found")),
]  # fmt: skip


@pytest.mark.parametrize("state", [row[1] for row in COMPLETE], ids=[row[0] for row in COMPLETE])
def test_far_enough(state: PoolSnapshot) -> None:
    assert is_complete(state)


@pytest.mark.parametrize("state", [row[1] for row in INCOMPLETE], ids=[row[0] for row in INCOMPLETE])
def test_not_far_enough(state: PoolSnapshot) -> None:
    assert not is_complete(state)


def test_the_line_says_what_each_runner_is_doing() -> None:
    pulling = starting(events=(EventSnapshot("Pulling", "", "1"),))
    state = pool(3, online(), online("b"), pulling, finishing())
    assert progress_line(state) == "cuda: 2 of 3 online, 1 finishing a job, 1 pulling the image"


LINES = [
    (starting(scheduled=False), "being scheduled"),
    (waiting(), "waiting for a node"),
    (starting(), "starting"),
    (starting(events=(EventSnapshot("Pulling", "", "1"), EventSnapshot("Pulled", "", "2"))), "starting"),
    (starting(registration=RUNNING), "waiting for a registration"),
    (PodSnapshot("a", runner=RUNNING), "not yet seen by the forge"),
    (online(terminating=True), "leaving"),
    (former(), "of the former template"),
    (former(busy=True), "busy in the former template"),
]


@pytest.mark.parametrize(("pod", "phase"), LINES, ids=[row[1] for row in LINES])
def test_each_phase_has_its_words(pod: PodSnapshot, phase: str) -> None:
    assert progress_line(pool(1, pod)) == f"cuda: 0 of 1 online, 1 {phase}"
