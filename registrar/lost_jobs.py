"""Follows lost jobs: writes at the forge why each is lost and, where its environment wants that, runs it again once.

Beside the cycles, and always by a fresh look at the job: what was done before a restart shows there, so nothing is
written twice and nothing is run again twice. How often a job has run is the forge's own count, never ours.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Final

from registrar.announcer import Announcer
from registrar.cluster import Subject
from registrar.forges.forge import Again, Forge, ForgeError, ForgeRefusedError, Job
from registrar.logs import LOGGER, log
from registrar.losses import CANCELLED, ITS_OWN, Loss
from registrar.metrics import Metrics
from values.contract import JOB_LOST, JOB_NOT_RUN_AGAIN, JOB_RUN_AGAIN
from values.scope import Scope

AT_ONCE: Final = 2  # of one scope: looks at the forge
MOST_FOLLOWED: Final = 200  # of one scope; what is more waits for its turn to be noticed again
MOST_REMEMBERED: Final = 2000  # that are over
FIRST_PAUSE_SECONDS: Final = 2.0
LONGEST_PAUSE_SECONDS: Final = 60.0
FOLLOW_SECONDS: Final = 6 * 3600.0  # a run's other jobs may go on for hours before GitHub lets one be run again
RUN_AGAIN: Final = "failure"  # the one conclusion after which a job is: whoever cancels one does not want it
WILL_RUN_AGAIN: Final = "It is run again, once, unless its run has been by then."
ASKS_TO_RUN_AGAIN: Final = "The job itself did not fail: run it again."
ASKS_WHO_CANCELLED: Final = "If nobody cancelled it, run it again."
ALREADY_RUN_AGAIN: Final = "It was run again already: look for what takes its runners away."

Key = tuple[str, int]  # the job's id, and its runner's: where a job keeps its id, each run of it has another runner


class LostJobs:
    """Those of one scope. `reruns`: the namespaces whose lost jobs are run again."""

    def __init__(
        self,
        forge: Forge,
        scope: Scope,
        announcer: Announcer,
        metrics: Metrics,
        *,
        reruns: Collection[str] = (),
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._forge, self._scope, self._announcer, self._metrics = forge, scope, announcer, metrics
        self._reruns, self._first_pause, self._clock = frozenset(reruns), first_pause_seconds, clock
        self._followed: dict[Key, tuple[Loss, asyncio.Task[None]]] = {}
        self._over: OrderedDict[Key, None] = OrderedDict()
        self._slots = asyncio.Semaphore(AT_ONCE)

    def follow(self, loss: Loss, subject: Subject) -> None:
        """Begin to follow it, unless that was begun. subject: what an Event about it is about."""
        key = (loss.job_id, loss.runner_id)
        if key in self._over or key in self._followed or len(self._followed) >= MOST_FOLLOWED:
            return
        self._followed[key] = (loss, asyncio.create_task(self._follow(key, loss, subject)))

    def holds(self, loss: Loss | None) -> bool:
        """Whether its pod is still needed: after a restart nothing but the pod tells of a runner that ended."""
        return loss is not None and (loss.job_id, loss.runner_id) not in self._over

    def heard_of(self, runner_ids: Collection[int]) -> None:
        """These runners are online: their jobs are not lost, whatever it looked like."""
        for key, (loss, task) in list(self._followed.items()):
            if not loss.is_certain and loss.runner_id in runner_ids:
                task.cancel()
                del self._followed[key]

    async def close(self) -> None:
        """Stop following."""
        tasks = [task for _, task in self._followed.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, key: Key, loss: Loss, subject: Subject) -> None:
        pause, ends = self._first_pause, self._clock() + FOLLOW_SECONDS
        message = f"job {loss.job_id} is lost. {loss.why}"
        self._metrics.lost_jobs.labels("lost").inc()
        await self._announcer.announce(subject, JOB_LOST, message)
        wait = pause
        while self._clock() < ends:
            await asyncio.sleep(wait)
            wait = pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            try:
                async with self._slots:
                    if await self._look(loss, subject):
                        break
            except ForgeError as error:
                log("lost job unknown", level=logging.WARNING, job=loss.job_id, error=str(error))
                wait = max(pause, min(error.retry_after, LONGEST_PAUSE_SECONDS))
            except Exception:
                LOGGER.exception("lost job not followed")  # one odd answer costs only itself
        self._over[key] = None
        del self._followed[key]
        while len(self._over) > MOST_REMEMBERED:
            self._over.popitem(last=False)

    async def _look(self, loss: Loss, subject: Subject) -> bool:
        """Look at the job, and write or do what is due. Returns whether that was all."""
        job = await self._forge.job(self._scope, loss.job_id)
        if job is None or job.runner_id != loss.runner_id or job.conclusion in ITS_OWN:
            return True  # it is gone, somebody has run it again, or its result came after all
        is_run_again = loss.namespace in self._reruns and job.attempt == 1 and job.conclusion in ("", RUN_AGAIN)
        await self._explain(loss, job, subject, is_run_again=is_run_again)
        if not job.conclusion:
            return False
        return not is_run_again or await self._run_again(job, subject)

    async def _explain(self, loss: Loss, job: Job, subject: Subject, *, is_run_again: bool) -> None:
        """A forge that does not let us write costs the words there; the Event tells them all the same."""
        if is_run_again:
            then = WILL_RUN_AGAIN
        elif job.conclusion == CANCELLED:
            then = ASKS_WHO_CANCELLED
        else:
            then = ALREADY_RUN_AGAIN if job.attempt > 1 and loss.namespace in self._reruns else ASKS_TO_RUN_AGAIN
        try:
            await self._forge.explain(self._scope, job, f"{loss.why} {then}")
        except ForgeRefusedError as error:
            message = f"job {job.id}: why it is lost cannot be written: {error}"
            if not self._announcer.has_announced(subject, JOB_LOST, message):
                self._metrics.lost_jobs.labels("not explained").inc()
            await self._announcer.announce(subject, JOB_LOST, message)

    async def _run_again(self, job: Job, subject: Subject) -> bool:
        """Returns whether it is over: the job was started, or never will be."""
        try:
            again = await self._forge.run_again(self._scope, job)
        except ForgeRefusedError as error:
            self._metrics.lost_jobs.labels("not run again").inc()
            await self._announcer.announce(subject, JOB_NOT_RUN_AGAIN, f"job {job.id} cannot be run again: {error}")
            return True
        if again is Again.STARTED:
            self._metrics.lost_jobs.labels("run again").inc()
            await self._announcer.announce(subject, JOB_RUN_AGAIN, f"job {job.id} is run again, once")
        if again is Again.NEVER:  # GitHub runs jobs of a run again once, so of two that are lost the second is not
            message = f"job {job.id} is not run again: its run is gone, or has been run again since; start it by hand"
            await self._announcer.announce(subject, JOB_NOT_RUN_AGAIN, message)
        return again is not Again.NOT_YET
