"""How far a pool is, in words, and whether that is far enough. Pure; looks for no causes.

Far enough: every replica is online, or what is missing only waits for a GPU that a runner of the same pool holds until
its job ends. Such a wait may take hours and needs nobody's help, so no wait sits through it.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from access.online.scheduling import waits_for_a_device
from access.online.snapshot import PodSnapshot, PoolSnapshot

QUOTA_EXCEEDED: Final = "exceeded quota"
QUOTA_CURE: Final = (
    "lower replicas (or `autoscaling.max`) or gpu.count, or raise the environment's quota of the platform"
)
_KUBELET_PULLS: Final = ("Pulling", "Pulled")


def is_complete(pool: PoolSnapshot) -> bool:
    """Whether a wait may end, as far as this pool is concerned."""
    if not pool.exists or not pool.settled:
        return False
    if pool.replicas == 0:
        return not _alive(pool.pods)
    missing = pool.replicas - online_count(pool)
    return missing <= 0 or _only_waits_for_busy_runners(pool)


def online_count(pool: PoolSnapshot) -> int:
    """Runners of the present template that are, or have been since they live, online."""
    return sum(pod.online and pod.current for pod in _alive(pool.pods))


def progress_line(pool: PoolSnapshot) -> str:
    """E.g. `cuda: 2 of 3 online, 1 finishing a job, 1 pulling the image`."""
    if not pool.exists:
        return f"{pool.name}: its Deployment is gone"
    phases = Counter(phase for pod in pool.pods if (phase := phase_of(pod)))
    rest = "".join(f", {count} {phase}" for phase, count in sorted(phases.items()))
    if pool.creation_failure:
        rest += ", a pod could not be created"
    return f"{pool.name}: {min(online_count(pool), pool.replicas)} of {pool.replicas} online{rest}"


def phase_of(pod: PodSnapshot) -> str:
    """What a pod is doing, if it is not simply online; "" for what needs no mention."""
    if pod.finished:
        return ""
    if pod.terminating:
        return "finishing a job" if pod.busy else "leaving"
    if not pod.current:
        return "of the former template" if not pod.busy else "busy in the former template"
    if pod.online:
        return ""
    if not pod.scheduled:
        return "waiting for a node" if pod.scheduling_message else "being scheduled"
    return _starting_phase(pod)


def _starting_phase(pod: PodSnapshot) -> str:
    pulls = [event.reason for event in pod.events if event.reason in _KUBELET_PULLS]
    if pulls and pulls[-1] == "Pulling":
        return "pulling the image"
    if pod.runner.state == "running":
        return "not yet seen by the forge"
    if pod.registration.state == "running":
        return "waiting for a registration"
    return "starting"


def _alive(pods: Iterable[PodSnapshot]) -> list[PodSnapshot]:
    return [pod for pod in pods if not pod.terminating and not pod.finished]


def _only_waits_for_busy_runners(pool: PoolSnapshot) -> bool:
    current = [pod for pod in _alive(pool.pods) if pod.current]
    former = [pod for pod in _alive(pool.pods) if not pod.current]
    waiting = [pod for pod in current if not pod.online]
    holders = busy_holders(pool)
    if not holders or not all(waits_for_a_device(pod) for pod in waiting):
        return False
    if QUOTA_EXCEEDED in pool.creation_failure:
        return len(waiting) <= len(holders)
    # A replica without a pod is held back by the rollout only while old pods are there, or the ReplicaSet is at it.
    all_created = len(current) >= pool.replicas or bool(former)
    return bool(waiting) and all_created and len(waiting) <= len(holders)


def busy_holders(pool: PoolSnapshot) -> list[PodSnapshot]:
    """Runners that hold a GPU until their job ends and will not be counted then: deleted, or of a former template."""
    return [pod for pod in pool.pods if pod.busy and not pod.finished and (pod.terminating or not pod.current)]
