"""The GPU pool at zero: before a run, whatever an earlier one has left behind, and after it."""

import time
from collections.abc import Callable
from typing import Final

from lab.demo.cluster_view import ClusterView
from lab.demo.settings import Pool
from lab.demo.story import Story
from lab.errors import LabError
from lab.trial.deadline import until

RELEASE_SECONDS: Final = 60
# Longer than the registrar takes to end a runner that does not hear that its job is over: two censuses (15 s each),
# lostSeconds (90) and a grace period (30).
WORKING_SECONDS: Final = 180
POLL_SECONDS: Final = 0.3


def take_back(
    story: Story, view: ClusterView, pool: Pool, destroy: Callable[[], None], seconds: float = WORKING_SECONDS
) -> None:
    """Takes back what runs that have ended before their release have left: to be called when no run is unfinished.

    `destroy` takes the pool's stack away; no runner works any more then, so nobody holds the stack's lock. Raises
    LabError where runners work on, or the pool holds a GPU, for too long.
    """
    working = _working(view)
    if working:
        story.log("pod", f"waits up to {seconds:.0f} s for what works on for a run that is over: {', '.join(working)}")
        until("no runner works for a run that is over", lambda: not _working(view), seconds, lambda: _working(view))
    if view.replicas(pool):
        story.log("pod", f"pool {pool.name} is still deployed, by a run that released nothing: takes it back")
        destroy()
    left = await_release(story, view, pool, seconds) if _holding(view, pool) else ()
    if left:
        where = f"kubectl -n {pool.namespace} get pods"
        raise LabError(f"pool {pool.name} still holds GPUs after {seconds:.0f} s: {', '.join(left)}; see `{where}`")


def await_release(story: Story, view: ClusterView, pool: Pool, seconds: float = RELEASE_SECONDS) -> tuple[str, ...]:
    """Names of the pool's pods that still hold a GPU at the deadline; none is what is wanted."""
    end = time.monotonic() + seconds
    while (left := _holding(view, pool)) and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
    if not left:
        story.log("pod", f"pool {pool.name} holds no GPU any more")
    return left


def _holding(view: ClusterView, pool: Pool) -> tuple[str, ...]:
    pods = (pod for pod in view.runner_pods().values() if Pool(pod.pool, pod.namespace) == pool)
    return tuple(pod.name for pod in pods if not pod.has_ended)


def _working(view: ClusterView) -> tuple[str, ...]:
    return tuple(pod.name for pod in view.runner_pods().values() if pod.job and not pod.has_ended)
