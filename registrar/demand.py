"""How many runners a pool is to have: as many as its jobs need, and those that came a moment ago. Pure.

An idle runner stays for `idle_seconds` after it came online, and a runner has one job, so each that stands idle has
done so since. What is asked of the autoscaler is therefore read off the pods that are there, and nothing is remembered.
"""

from collections.abc import Collection, Iterable

from registrar.pods import RunnerPod, Stage
from registrar.queue import Count


def runners_wanted(
    count: Count,
    pods: Iterable[RunnerPod],
    *,
    working: Collection[int],
    idle_seconds: int | None,
    now: float,
    reserved: bool,
) -> int:
    """The number of runners that a pool needs or may keep.

    working: ids of runners that have a job at the forge. idle_seconds: None where the autoscaler itself is patient.
    reserved: the devices are for another pool's job, so that this one keeps only runners that work.
    """
    staying = [pod for pod in pods if pod.stays]
    busy = sum(pod.busy is not None or pod.runner_id in working for pod in staying)
    if reserved:
        return max(busy, count.running - count.leaving)
    if idle_seconds is None:
        return count.wanted
    young = sum(
        pod.busy is None and pod.runner_id not in working and now - _idle_since(pod) < idle_seconds for pod in staying
    )
    return max(count.wanted, busy + young)


def _idle_since(pod: RunnerPod) -> float:
    return pod.since if pod.stage in (Stage.STARTING, Stage.RUNNING) else pod.created
