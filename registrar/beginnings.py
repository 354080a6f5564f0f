"""When a pod's stage began, by our own clock. Pure.

What a pod's status says of it is the word of its node, whose clock may be wrong by minutes, and everything that decides
by ages would be wrong with it: a runner would be given up before it can be online, a crash would seem to be long past
and hold nobody back, a job that failed by itself would seem lost, and be run again. What we have seen ourselves bounds
it: nothing began before we last saw the stage before it, nor after now. Of a pod that we see for the first time, as
after a restart, no more is known than that nothing began before the pod was there.
"""

from dataclasses import replace
from typing import Final

from registrar.pods import RunnerPod

# By which a watch may be behind, and what is lost of a time that Kubernetes cuts to whole seconds.
LATE_SECONDS: Final = 2.0


def begun(pod: RunnerPod, before: RunnerPod | None, *, now: float, known_at: float) -> RunnerPod:
    """The pod with the Unix time at which its stage began, as near as we know it; rather too late than too early.

    before: the same as it was seen last, so until `known_at`. Its `since` is of this clock, that of `pod` its node's;
    how long the pod had to end is what it says of a pod that does not say so itself any more.
    """
    if before is not None and before.uid == pod.uid and pod.deleting and pod.killed_at is None:
        pod = replace(pod, killed_at=before.killed_at)
    if before is None or before.uid != pod.uid:
        least = pod.created
    elif before.stamped == pod.stamped:
        return _since(pod, before.since)
    else:
        least = known_at - LATE_SECONDS
    return _since(pod, min(max(pod.stamped, least), now))


def _since(pod: RunnerPod, since: float) -> RunnerPod:
    if since == pod.since:
        return pod
    ended = None if pod.ended is None else replace(pod.ended, at=since)
    return replace(pod, since=since, ended=ended)
