"""Looks at one scope of the forge as seldom as possible, and says how old what it knows may be."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from registrar.forge_view import ForgeView
from registrar.forges.forge import Forge, ForgeError, Job, Runner
from registrar.jobs_in_progress import JobsInProgress
from registrar.logs import log
from registrar.metrics import Metrics
from values.scope import Scope

LOOK_UPS = 20  # by id in one cycle; beyond that a full list is cheaper, and the rest waits for the next cycle
STRAGGLING_SECONDS = 2.0  # that look-ups without an answer are waited for once others had one
LONGEST_BACK_OFF_SECONDS = 10.0


@dataclass
class _Trouble:
    """How often in a row a part of the forge gave no answer, what it said last, and when to ask it again."""

    failures: int = 0
    problem: str = "not asked yet"
    not_before: float = float("-inf")


class ForgeWatch:
    """The registrar's eyes on one scope, with the clocks that the forge's API does not offer."""

    def __init__(
        self,
        forge: Forge,
        scope: Scope,
        metrics: Metrics,
        jobs: JobsInProgress,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._forge, self._scope, self._metrics, self._jobs, self._clock = forge, scope, metrics, jobs, clock
        self._runners: dict[int, Runner] = {}
        self._census_at = float("-inf")
        self._of_runners, self._of_jobs = _Trouble(), _Trouble()
        self._unseen: dict[int, float] = {}
        self._cordoned: dict[int, float] = {}

    @property
    def is_census_due(self) -> bool:
        """Whether the next look reads the full list."""
        pace = self._forge.pace
        return self._clock() - self._census_at >= max(pace.census, pace.census_each * len(self._runners))

    @property
    def listed_at(self) -> float:
        """When the runners were listed last, by the watch's own clock."""
        return self._census_at

    @property
    def is_known(self) -> bool:
        """Whether the forge answered when it was asked last."""
        return not self._of_runners.failures and not self._of_jobs.failures and self._census_at > float("-inf")

    def lacks(self, runner_id: int) -> bool:
        """Whether the last census and look-ups do not hold this runner."""
        return runner_id not in self._runners

    def runner_names(self) -> frozenset[str]:
        """Of the runners that the last census and look-ups hold."""
        return frozenset(runner.name for runner in self._runners.values())

    def unseen_seconds(self, runner_id: int) -> float:
        """How long this runner has been offline or absent in every answer; an outage of the forge starts it anew."""
        return self._clock() - self._unseen[runner_id] if runner_id in self._unseen else 0.0

    def cordoned_seconds(self, runner_id: int) -> float:
        """How long this runner has been known to be cordoned."""
        return self._clock() - self._cordoned[runner_id] if runner_id in self._cordoned else 0.0

    def cordoned_now(self, runner_id: int) -> None:
        """A cordon of ours was answered: its clock need not wait for the next look."""
        self._cordoned.setdefault(runner_id, self._clock())

    async def look(self, wanted: Collection[int], jobs_age: float = float("inf")) -> ForgeView:
        """Ask the forge: the runners `wanted` afresh, the rest as of the last census, then the jobs in progress.

        These may be as old as such a list may be, but no older than `jobs_age`, in seconds. Where it tells no jobs, the
        runners are known all the same.
        """
        if self._clock() < self._of_runners.not_before:
            return ForgeView(known=False, problem=self._of_runners.problem)
        try:
            fresh, absent = await self._look_at_runners(wanted)
        except ForgeError as error:
            # After an outage every runner looks offline for a moment, so time before it must not count against them.
            self._unseen.clear()
            return ForgeView(known=False, problem=self._failed(self._of_runners, error))
        self._saw(fresh, absent)
        jobs = await self._look_at_jobs(jobs_age)
        if jobs is None:
            runners = dict(self._runners)
            return ForgeView(
                known=True, jobs_known=False, problem=self._of_jobs.problem, runners=runners, absent=absent
            )
        return ForgeView(
            known=True,
            runners=dict(self._runners),
            absent=absent,
            jobs={job.runner_id: job for job in jobs if job.runner_id is not None},
            in_progress=jobs,
        )

    async def _look_at_jobs(self, most_age: float) -> tuple[Job, ...] | None:
        if self._clock() < self._of_jobs.not_before:
            return None
        try:
            jobs = (await self._jobs.read(most_age)).jobs
        except ForgeError as error:
            self._failed(self._of_jobs, error)
            return None
        if self._of_jobs.failures:
            log("forge tells jobs again", scope=self._scope)
        self._of_jobs = _Trouble()
        self._metrics.forge_known.labels(self._scope.path).set(1)
        self._metrics.forge_answered(self._scope)
        return jobs

    async def _look_at_runners(self, wanted: Collection[int]) -> tuple[set[int], frozenset[int]]:
        """Returns the ids seen afresh and the ids confirmed absent."""
        fresh: set[int] = set()
        if self.is_census_due or len(wanted) > LOOK_UPS:
            self._runners = {runner.id: runner for runner in await self._forge.list_runners(self._scope)}
            self._census_at = self._clock()
            fresh |= self._runners.keys()
        ids = [runner_id for runner_id in wanted if runner_id not in fresh][:LOOK_UPS]
        answers = await self._look_up(ids)
        absent = {runner_id for runner_id, answer in answers.items() if answer is None}
        for runner_id in ids:
            answer = answers.get(runner_id)
            if answer is None:
                self._runners.pop(runner_id, None)  # it is gone, or nothing is known of it now
                if runner_id not in absent:
                    self._unseen.pop(runner_id, None)  # as after an outage
            else:
                self._runners[runner_id] = answer
                fresh.add(runner_id)
        return fresh, frozenset(absent)

    async def _look_up(self, ids: Collection[int]) -> dict[int, Runner | None]:
        """The answers that there are: a runner of which the forge tells nothing costs only itself.

        Once one is answered the others get `STRAGGLING_SECONDS`. Raises ForgeError where none is answered.
        """
        asked = {asyncio.create_task(self._forge.find(self._scope, runner_id)): runner_id for runner_id in ids}
        if not asked:
            return {}
        try:
            left, answered = set(asked), False
            while left:
                seconds = STRAGGLING_SECONDS if answered else None
                done, left = await asyncio.wait(left, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    break
                answered = answered or any(task.exception() is None for task in done)
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        errors = [error for task in asked if not task.cancelled() and (error := task.exception()) is not None]
        for error in errors:
            if not answered or not isinstance(error, ForgeError):
                raise error
        unknown = [runner_id for task, runner_id in asked.items() if task.cancelled() or task.exception() is not None]
        if unknown:
            log("runners unknown", level=logging.WARNING, scope=self._scope.path, runners=unknown, errors=len(errors))
        return {runner_id: task.result() for task, runner_id in asked.items() if runner_id not in unknown}

    def _saw(self, fresh: set[int], absent: frozenset[int]) -> None:
        if self._of_runners.failures:
            log("forge answers again", scope=self._scope)
        self._of_runners = _Trouble()
        now = self._clock()
        for runner_id in fresh:
            runner = self._runners[runner_id]
            _run(self._unseen, runner_id, now, running=not runner.online)
            _run(self._cordoned, runner_id, now, running=runner.cordoned)
        for runner_id in absent:
            _run(self._unseen, runner_id, now, running=True)

    def _failed(self, trouble: "_Trouble", error: ForgeError) -> str:
        """Notes it, and for how long the forge is left in peace; returns what is wrong."""
        trouble.failures += 1
        trouble.problem = str(error)
        wait = max(error.retry_after if trouble.failures == 1 else 0.0, 0.5 * 2.0 ** min(trouble.failures, 10))
        trouble.not_before = self._clock() + min(wait, max(LONGEST_BACK_OFF_SECONDS, error.retry_after))
        self._metrics.forge_known.labels(self._scope.path).set(0)
        failures = trouble.failures
        log("forge unknown", level=logging.WARNING, scope=self._scope.path, error=str(error), failures=failures)
        return trouble.problem

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
