"""Looks at one scope of the forge as seldom as possible, and says how old what it knows may be."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection

from registrar.forge_view import ForgeView
from registrar.forges.forge import Forge, ForgeError, Runner
from registrar.logs import log
from registrar.metrics import Metrics
from values.scope import Scope

LOOK_UPS = 20  # by id in one cycle; beyond that a full list is cheaper, and the rest waits for the next cycle
LONGEST_BACK_OFF_SECONDS = 10.0


class ForgeWatch:
    """The registrar's eyes on one scope, with the clocks that the forge's API does not offer."""

    def __init__(
        self, forge: Forge, scope: Scope, metrics: Metrics, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._forge, self._scope, self._metrics, self._clock = forge, scope, metrics, clock
        self._runners: dict[int, Runner] = {}
        self._census_at = float("-inf")
        self._not_before = float("-inf")
        self._failures = 0
        self._problem = "not asked yet"
        self._unseen: dict[int, float] = {}
        self._cordoned: dict[int, float] = {}

    @property
    def is_census_due(self) -> bool:
        """Whether the next look reads the full list."""
        return self._clock() - self._census_at >= self._forge.pace.census

    @property
    def is_known(self) -> bool:
        """Whether the forge answered when it was asked last."""
        return self._failures == 0 and self._census_at > float("-inf")

    def lacks(self, runner_id: int) -> bool:
        """Whether the last census and look-ups do not hold this runner."""
        return runner_id not in self._runners

    def unseen_seconds(self, runner_id: int) -> float:
        """How long this runner has been offline or absent in every answer; an outage of the forge starts it anew."""
        return self._clock() - self._unseen[runner_id] if runner_id in self._unseen else 0.0

    def cordoned_seconds(self, runner_id: int) -> float:
        """How long this runner has been known to be cordoned."""
        return self._clock() - self._cordoned[runner_id] if runner_id in self._cordoned else 0.0

    def cordoned_now(self, runner_id: int) -> None:
        """A cordon of ours was answered: its clock need not wait for the next look."""
        self._cordoned.setdefault(runner_id, self._clock())

    async def look(self, wanted: Collection[int]) -> ForgeView:
        """Ask the forge: the runners `wanted` afresh, the rest as of the last census, then the jobs in progress."""
        if self._clock() < self._not_before:
            return ForgeView(known=False, problem=self._problem)
        try:
            fresh, absent = await self._look_at_runners(wanted)
            jobs = await self._forge.jobs_in_progress(self._scope)
        except ForgeError as error:
            return self._failed(error)
        self._succeeded(fresh, absent)
        return ForgeView(
            known=True,
            runners=dict(self._runners),
            absent=absent,
            jobs={job.runner_id: job for job in jobs if job.runner_id is not None},
            in_progress=jobs,
        )

    async def _look_at_runners(self, wanted: Collection[int]) -> tuple[set[int], frozenset[int]]:
        """Returns the ids seen afresh and the ids confirmed absent."""
        fresh: set[int] = set()
        if self.is_census_due or len(wanted) > LOOK_UPS:
            self._runners = {runner.id: runner for runner in await self._forge.list_runners(self._scope)}
            self._census_at = self._clock()
            fresh |= self._runners.keys()
        ids = [runner_id for runner_id in wanted if runner_id not in fresh][:LOOK_UPS]
        runners = await asyncio.gather(*(self._forge.find(self._scope, runner_id) for runner_id in ids))
        for runner_id, runner in zip(ids, runners, strict=True):
            if runner is None:
                self._runners.pop(runner_id, None)
            else:
                self._runners[runner_id] = runner
                fresh.add(runner_id)
        return fresh, frozenset(runner_id for runner_id in ids if runner_id not in self._runners)

    def _succeeded(self, fresh: set[int], absent: frozenset[int]) -> None:
        if self._failures:
            log("forge answers again", scope=self._scope)
        self._failures = 0
        now = self._clock()
        for runner_id in fresh:
            runner = self._runners[runner_id]
            _run(self._unseen, runner_id, now, running=not runner.online)
            _run(self._cordoned, runner_id, now, running=runner.cordoned)
        for runner_id in absent:
            _run(self._unseen, runner_id, now, running=True)
        self._metrics.forge_known.labels(self._scope.path).set(1)
        self._metrics.forge_answered(self._scope)

    def _failed(self, error: ForgeError) -> ForgeView:
        self._failures += 1
        self._problem = str(error)
        # After an outage every runner looks offline for a moment, so time before it must not count against them.
        self._unseen.clear()
        wait = max(error.retry_after if self._failures == 1 else 0.0, 0.5 * 2.0 ** min(self._failures, 10))
        self._not_before = self._clock() + min(wait, max(LONGEST_BACK_OFF_SECONDS, error.retry_after))
        self._metrics.forge_known.labels(self._scope.path).set(0)
        log("forge unknown", level=logging.WARNING, scope=self._scope.path, error=str(error), failures=self._failures)
        return ForgeView(known=False, problem=self._problem)

    def forget(self, runner_ids: Collection[int]) -> None:
        """Keep clocks only for these runners and for those that the forge lists."""
        for clocks in (self._unseen, self._cordoned):
            for runner_id in clocks.keys() - set(runner_ids) - self._runners.keys():
                del clocks[runner_id]


def _run(clocks: dict[int, float], runner_id: int, now: float, *, running: bool) -> None:
    if running:
        clocks.setdefault(runner_id, now)
    else:
        clocks.pop(runner_id, None)
