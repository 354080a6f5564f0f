"""The level-triggered loop: look and act in every scope, then wait for a change or for the next look."""

import asyncio
import time
from collections.abc import Callable, Sequence

from registrar.logs import LOGGER
from registrar.pods import ENDED, RunnerPod, Stage
from registrar.scope_cycle import Parts, ScopeCycle

COALESCE_SECONDS = 0.05  # events come in bursts; one look serves them all
COLLECTION_SECONDS = 2.0  # from the deletion of a Deployment until the garbage collector has told all of its pods
SEE_OFF_SECONDS = 20.0  # less than the grace period of the registrar's own pod
SEE_OFF_POLL_SECONDS = 0.2
BURST_SECONDS = 5.0  # after its start a runner is online within a fraction of a second, or something is wrong


class Loop:
    """Runs until cancelled."""

    def __init__(self, parts: Parts, *, clock: Callable[[], float] = time.time) -> None:
        self._parts, self._clock = parts, clock
        self._scopes = {scope: ScopeCycle(parts, scope, clock) for scope in parts.settings.scopes}

    async def run(self) -> None:
        """Look, act and wait, for ever."""
        store = self._parts.store
        while True:
            store.changed.clear()
            started = time.perf_counter()
            try:
                await self.cycle()
            except Exception:
                # one odd pod must not end the watch over all others
                LOGGER.exception("cycle failed")
            self._parts.metrics.cycles.observe(time.perf_counter() - started)
            try:
                # not wait_for: up to Python 3.11 it swallows a cancellation that comes together with its result
                async with asyncio.timeout(self.interval()):
                    await store.changed.wait()
                await asyncio.sleep(COALESCE_SECONDS)
            except TimeoutError:
                continue

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

    async def cycle(self) -> None:
        """One look at everything, and what follows from it."""
        pods = self._parts.store.pods()
        if all(self._parts.store.knows(grant.namespace) for grant in self._parts.settings.grants):
            uids = {pod.uid for pod in pods}
            self._parts.announcer.forget(uids)
            self._parts.brakes.forget(uids)
        await asyncio.gather(*(scope.run(pods) for scope in self._scopes.values()))
        self._count(pods)

    def interval(self) -> float:
        """Seconds until the next look if nothing changes."""
        pace, pods, now = self._parts.forge.pace, self._parts.store.pods(), self._clock()
        if any(pod.stage is Stage.STARTING and now - pod.since < BURST_SECONDS for pod in pods):
            return pace.burst
        return pace.active if any(map(self._is_moving, pods)) else pace.idle

    def _is_moving(self, pod: RunnerPod) -> bool:
        if pod.stage in ENDED:
            return not any(scope.is_closed(pod) for scope in self._scopes.values())
        return pod.busy is not None or pod.stage is not Stage.RUNNING

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
