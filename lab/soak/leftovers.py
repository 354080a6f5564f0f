"""What is there of a side and is nobody's. Pure."""

from collections.abc import Collection, Sequence

from lab.faults.place import ALIVE
from lab.soak.record import Left
from lab.trial.pods import RunnerPod


def leftovers(
    side: str, pods: Sequence[RunnerPod], runners: Sequence[str], victims: Collection[str], *, declared: int, kept: int
) -> Left:
    """Pods beyond those declared and the failed ones kept for people to read, and registrations without a pod.

    What is still there of a runner that a fault took waits for the forge's word on its job, and is not meant.
    """
    others = [pod for pod in pods if pod.name not in victims]
    alive = [pod.name for pod in others if pod.phase in ALIVE]
    failed = [pod.name for pod in others if pod.phase == "Failed"]
    done = [pod.name for pod in others if pod.phase not in (*ALIVE, "Failed")]
    known = {pod.name for pod in pods} | set(victims)
    return Left(side, (*alive[declared:], *failed[kept:], *done), tuple(name for name in runners if name not in known))
