"""Pods that are deleted, replaced, scaled away and drained, idle and busy."""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from lab import node
from lab.errors import LabError
from lab.faults.fault import Fault, Observation
from lab.faults.scene import UNHEARD_SECONDS, Scene
from lab.faults.stage import CROWD, DECLARED, WORKER, config
from lab.faults.work import Work
from lab.trial.pods import RunnerPod
from values import contract

MOMENTS: Final = 20
JOB_SECONDS: Final = 10.0
AT_ONCE: Final = 5
OFFSETS: Final = 100  # in each of two halves
STEP_SECONDS: Final = 0.0125  # the forge gives a job away about 1.5 s after its push


def busy_pod_deleted(scene: Scene) -> Observation:
    """Moments from the first step to a second after the last one."""
    moments = [number * (JOB_SECONDS + 1) / (MOMENTS - 1) for number in range(MOMENTS)]
    recoveries = []
    for some in (moments[start : start + AT_ONCE] for start in range(0, MOMENTS, AT_ONCE)):
        work = scene.begin(CROWD, JOB_SECONDS, len(some))
        begun = work.begun()
        timers = [
            threading.Timer(max(0.0, begun[name].at + moment - time.time()), scene.pods.delete, (begun[name].words[2],))
            for name, moment in zip(work.names, some, strict=True)
        ]
        at_their_time(timers)
        recoveries.append(scene.until_serving())
        scene.conclude(work, JOB_SECONDS + 40)
        scene.until_quiet()
    return Observation(f"deleted from 0.0 to {moments[-1]:.1f} s after the first step", max(recoveries))


def idle_pods_deleted(first: int) -> Callable[[Scene], Observation]:
    """Each round gives away as many jobs as there are runners, and deletes every runner at an offset of its own."""
    offsets = [(first + number) * STEP_SECONDS for number in range(OFFSETS)]
    rounds = -(-OFFSETS // DECLARED[CROWD])

    def run(scene: Scene) -> Observation:
        works: list[Work] = []
        deleted: set[str] = set()
        slowest = 0.0
        for number in range(rounds):
            some = offsets[number::rounds]  # far apart from each other
            runners = scene.until("enough runners are idle", partial(enough_idle, scene, len(some)), 60)
            timers = [
                threading.Timer(offset, scene.pods.delete, (pod.name,))
                for offset, pod in zip(some, runners, strict=False)
            ]
            deleted |= {pod.name for pod in runners[: len(timers)]}
            deleting = threading.Thread(target=at_their_time, args=(timers,))
            deleting.start()
            works.append(scene.push(CROWD, 1, len(timers)))
            deleting.join()
            slowest = max(slowest, scene.until_serving())
        for work in works:
            scene.conclude(work, 60)
        scene.until_quiet()
        assigned = len(deleted & {work.pod(name) for work in works for name in work.names})
        seen = (
            f"deleted from {offsets[0]:.1f} to {offsets[-1]:.1f} s after a push, in {rounds} rounds; "
            f"{assigned} of the {OFFSETS} pods had been given a job and ended it"
        )
        return Observation(seen, slowest)

    return run


def enough_idle(scene: Scene, count: int) -> list[RunnerPod]:
    """The idle runners of the crowd, none where there are not enough."""
    idle = scene.idle(CROWD)
    return idle if len(idle) >= count else []


def at_their_time(timers: Sequence[threading.Timer]) -> None:
    """Starts timers and waits for all."""
    for timer in timers:
        timer.start()
    for timer in timers:
        timer.join()


def pool_changed(changed: dict[str, object], seconds: float = 30.0) -> Callable[[Scene], Observation]:
    """`up` with another pool while both of its runners have a job, and back."""

    def run(scene: Scene) -> Observation:
        work = scene.begin(WORKER, seconds, DECLARED[WORKER])
        for name in work.names:
            scene.latched(work, name)
        scene.stack.configure(config({WORKER: changed}))
        up = scene.stack.up().succeeded()
        still = sum(not job.conclusion for job in work.run.jobs().values())
        scene.conclude(work, seconds + 60)
        back = time.monotonic()
        scene.stack.configure(config())
        scene.stack.up().succeeded()
        scene.until_serving()
        recovery = time.monotonic() - back
        return Observation(f"`up` took {up.seconds:.1f} s, and {still} of the jobs still ran then", recovery)

    return run


def scaled_down(scene: Scene) -> Observation:
    """One of two runners has a job, and one has to go."""
    work = scene.begin(WORKER, 40)
    busy = scene.latched(work)
    scene.stack.configure(config({WORKER: {"replicas": 1}}))
    scene.stack.up().succeeded()
    stays = scene.pods.find(busy.name)
    if stays is None:
        raise LabError(f"{busy.name} and its job are over before `up` was: nothing was seen")
    seen = "the busy one had to go, and finished its job" if stays.leaving else "the idle one went"
    scene.conclude(work, 60)
    back = time.monotonic()
    scene.stack.configure(config())
    scene.stack.up().succeeded()
    scene.until_serving()
    return Observation(seen, time.monotonic() - back)


def drained(scene: Scene) -> Observation:
    """`kubectl drain` of the only real node, of the pools' pods alone: the lab's other pods are not ours."""
    work = scene.begin(WORKER, 15, DECLARED[WORKER])
    for name in work.names:
        scene.latched(work, name)
    started = time.monotonic()
    try:
        scene.kubectl(
            "drain", node.NAME, f"--pod-selector={contract.POOL_LABEL}={WORKER}", "--ignore-daemonsets",
            "--delete-emptydir-data", "--timeout=50s",
        )  # fmt: skip
        lasted = time.monotonic() - started
    finally:
        scene.kubectl("uncordon", node.NAME)
    recovery = scene.until_serving()
    scene.conclude(work, 40)
    return Observation(f"the drain ended after {lasted:.0f} s, when the jobs had ended", recovery)


def force_deleted(scene: Scene) -> Observation:
    """`kubectl delete pod --grace-period=0 --force`: nobody waits for anything."""
    work = scene.begin(WORKER, 12)
    pod = scene.latched(work)
    scene.pods.delete(pod.name, gracePeriodSeconds=0)
    recovery = scene.until_serving()
    scene.conclude(work, UNHEARD_SECONDS)
    return Observation("the container was killed in its job", recovery)


TEMPLATE_CHANGED, SET_TO_ZERO = pool_changed({"memory": "272Mi"}), pool_changed({"replicas": 0})
FAULTS: Final = (
    Fault(
        "busy-pod-deleted", f"a busy runner's pod is deleted, at {MOMENTS} moments of its job", busy_pod_deleted, 240
    ),
    Fault(
        "idle-pod-deleted-early", f"an idle runner's pod is deleted, at {OFFSETS} offsets up to an assignment",
        idle_pods_deleted(0), 540,
    ),
    Fault(
        "idle-pod-deleted-late", f"an idle runner's pod is deleted, at {OFFSETS} offsets from an assignment on",
        idle_pods_deleted(OFFSETS), 540,
    ),
    Fault("rolling-update", "a pool's template changes while all of its runners have a job", TEMPLATE_CHANGED),
    Fault("pool-to-zero", "a pool is set to no runners while all of its runners have a job", SET_TO_ZERO),
    Fault("scale-down", "a pool of two is set to one while one of them has a job", scaled_down),
    Fault("drain", "`kubectl drain` of the node while the runners have a job", drained),
    Fault(
        "busy-pod-force-deleted", "a busy runner's pod is deleted with grace period 0", force_deleted, loses=1,
        why="whoever forces it takes the runner's time away",
    ),
)  # fmt: skip
