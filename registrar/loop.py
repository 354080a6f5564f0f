"""The level-triggered loops, one for each scope: look and act, then wait for a change or for the next look."""

import asyncio
import time
from collections.abc import Callable, Sequence

from registrar.logs import LOGGER
from registrar.pods import RunnerPod, Stage
from registrar.scope_cycle import Parts, ScopeCycle

COALESCE_SECONDS = 0.05  # events come in bursts; one look serves them all
REST_SECONDS = 0.05  # between two looks, however urgent the next one is
COLLECTION_SECONDS = 2.0  # from the deletion of a Deployment until the garbage collector has told all of its pods
SEE_OFF_SECONDS = 20.0  # less than the grace period of the registrar's own pod
SEE_OFF_POLL_SECONDS = 0.2
BURST_SECONDS = 5.0  # after its start a runner is online within a fraction of a second, or something is wrong
HOUSEKEEPING_SECONDS = 1.0


class Loop:
    """Runs until cancelled. A scope that is slow, or whose cycle fails, costs only itself."""

    def __init__(self, parts: Parts, *, clock: Callable[[], float] = time.time) -> None:
        self._parts, self._clock = parts, clock
        self._scopes = {scope: ScopeCycle(parts, scope, clock) for scope in parts.settings.scopes}

    @property
    def remembered(self) -> int:
        """Of how many pods any scope knows an outcome, or that nothing is left of them."""
        return sum(scope.remembered for scope in self._scopes.values())

    async def run(self) -> None:
        """Look, act and wait, for ever."""
        try:
            async with asyncio.TaskGroup() as loops:
                for scope in self._scopes.values():
                    loops.create_task(self._follow(scope))
                loops.create_task(self._keep_house())
        finally:
            await asyncio.gather(*(scope.close() for scope in self._scopes.values()))

    async def see_off(self) -> None:
        """Go on, though told to stop, until the idle runners that are leaving right now are off the forge.

        A destroyed stack takes its pools and then its registrar: nobody would remove these registrations after us.
        """
        start = self._clock()
        while self._parts.store.pods():
            waited = self._clock() - start
            leaving = any(pod.stage is Stage.TERMINATING and pod.busy is None for pod in self._parts.store.pods())
            if waited > (SEE_OFF_SECONDS if leaving else COLLECTION_SECONDS):
                return
            await asyncio.sleep(SEE_OFF_POLL_SECONDS)

    async def _follow(self, scope: ScopeCycle) -> None:
        while True:
            scope.changed.clear()
            started = time.perf_counter()
            try:
                await scope.run()
                interval = self._interval(scope)
            except Exception:
                # one odd pod or answer must not end the watch over all others
                LOGGER.exception("cycle failed")
                interval = self._parts.forge.pace.idle
            ended = time.perf_counter()
            self._parts.metrics.cycles.observe(ended - started)
            try:
                # not wait_for: up to Python 3.11 it swallows a cancellation that comes together with its result
                async with asyncio.timeout(interval):
                    await scope.changed.wait()
                await asyncio.sleep(_gathering_seconds(scope, time.perf_counter() - ended))
            except TimeoutError:
                continue

    def _interval(self, scope: ScopeCycle) -> float:
        """Seconds until the scope's next look if nothing changes."""
        pace, pods, now = self._parts.forge.pace, scope.pods(), self._clock()
        if any(pod.stage is Stage.STARTING and now - pod.since < BURST_SECONDS for pod in pods):
            return pace.burst
        return pace.active if any(map(scope.is_moving, pods)) else pace.idle

    async def _keep_house(self) -> None:
        """Forget what is about pods that are gone, and count those that are there."""
        while True:
            try:
                uids = {pod.uid for pod in self._parts.store.last_seen()}
                self._parts.announcer.forget(uids)
                self._parts.brakes.forget(uids)
                self._count(self._parts.store.pods())
                self._parts.accounting.tick(self._parts.store.last_seen(), self._parts.declared.keys())
            except Exception:
                LOGGER.exception("housekeeping failed")
            await asyncio.sleep(HOUSEKEEPING_SECONDS)

    def _count(self, pods: Sequence[RunnerPod]) -> None:
        counted: dict[tuple[str, str, str, str], int] = {}
        for pod in pods:
            key = (pod.namespace, pod.pool, pod.stage.value, "true" if pod.busy is not None else "false")
            counted[key] = counted.get(key, 0) + 1
        metrics = self._parts.metrics
        metrics.runners.clear()
        for key, number in counted.items():
            metrics.runners.labels(*key).set(number)
        metrics.braked.clear()
        for pool, seconds in self._parts.brakes.held(self._clock()).items():
            metrics.braked.labels(*pool).set(seconds)


def _gathering_seconds(scope: ScopeCycle, rested: float) -> float:
    """For how long more events are gathered, `rested` seconds after the last cycle.

    The end of a runner is looked at without delay, as its replacement waits for that. A kubelet sees what ends in a pod
    once a second: a tenth of a second here is a whole one where the replacement has its registration just after that.
    """
    return max(0.0, REST_SECONDS - rested) if scope.is_urgent else COALESCE_SECONDS
