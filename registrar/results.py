"""Looks up what became of the jobs of ended runners, beside the cycles: one slow answer holds nobody up."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable
from enum import Enum

from registrar.accounting import Accounting
from registrar.forges.forge import Forge, ForgeError, Job
from registrar.logs import LOGGER, log
from registrar.outcomes import Outcome, outcome_of
from registrar.pods import RunnerPod
from values.scope import Scope

LOOK_UPS_AT_ONCE = 4  # of one scope
LOOK_UP_SECONDS = 60.0  # for one answer, however many requests it takes
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0


class Work(Enum):
    """Whether a runner has something to do, by the forge's word."""

    GOES_ON = "a job of it goes on"
    OVER = "its job has a conclusion"
    NONE = "it has no job that the forge knows of"


class Results:
    """The outcomes of one scope's ended pods; `announce` is called whenever there is a new one.

    A job whose conclusion is not there yet is asked for again until the forge's own patience
    (`Pace.conclusion`) is over: GitHub may take half an hour.
    """

    def __init__(
        self,
        forge: Forge,
        scope: Scope,
        announce: Callable[[], None],
        accounting: Accounting,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._forge, self._scope, self._announce, self._clock = forge, scope, announce, clock
        self._accounting = accounting
        self._outcomes: dict[str, Outcome] = {}
        self._work: dict[str, Work] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(LOOK_UPS_AT_ONCE)

    @property
    def remembered(self) -> int:
        """Of how many pods it knows anything, or looks for it."""
        return len(self._outcomes.keys() | self._work.keys() | self._tasks.keys())

    def outcome(self, pod: RunnerPod) -> Outcome | None:
        """What the pod's end amounts to, None as long as that is not known."""
        return self._outcomes.get(pod.uid)

    def is_asking(self, pod: RunnerPod) -> bool:
        """Whether the forge is being asked what this ended pod's end amounts to."""
        return pod.uid in self._tasks and pod.uid not in self._outcomes

    def ask(self, pods: Iterable[RunnerPod]) -> None:
        """Begin to look for the outcomes of these ended pods."""
        for pod in sorted(pods, key=lambda pod: (pod.since, pod.uid)):
            if pod.uid not in self._outcomes and pod.uid not in self._tasks:
                self._tasks[pod.uid] = asyncio.create_task(self._find(pod))

    def work(self, pod: RunnerPod) -> Work | None:
        """What the forge said of the job of this running pod's runner; None where it did not, and begins to ask then.

        Each answer is good for one question: the next one asks anew.
        """
        if pod.uid in self._work:
            return self._work.pop(pod.uid)
        if pod.uid not in self._tasks:
            self._tasks[pod.uid] = asyncio.create_task(self._look_for_work(pod))
        return None

    def forget(self, uids: Collection[str]) -> None:
        """Drop all that is about other pods than these."""
        for uid in self._tasks.keys() - set(uids):
            self._tasks.pop(uid).cancel()
        for known in (self._outcomes, self._work):
            for uid in known.keys() - set(uids):
                del known[uid]

    async def close(self) -> None:
        """Stop looking."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _find(self, pod: RunnerPod) -> None:
        pause = FIRST_PAUSE_SECONDS
        ended = pod.ended.at if pod.ended else self._clock()
        while True:
            try:
                job = await self._job(pod)
                if job is None or job.conclusion or self._clock() - ended > self._forge.pace.conclusion:
                    break
                wait = pause
            except ForgeError as error:
                log("result unknown", level=logging.WARNING, pod=pod.name, error=str(error))
                wait = max(pause, min(error.retry_after, LONGEST_PAUSE_SECONDS))
            except Exception:
                LOGGER.exception("result not read")  # one odd answer costs only itself, and is asked for again
                wait = pause
            await asyncio.sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        self._outcomes[pod.uid] = outcome = outcome_of(pod, job)
        self._accounting.ended(pod, outcome, job)
        self._announce()

    async def _look_for_work(self, pod: RunnerPod) -> None:
        try:
            job = await self._job(pod)
            self._work[pod.uid] = Work.NONE if job is None else Work.OVER if job.conclusion else Work.GOES_ON
            self._announce()
        except ForgeError as error:
            log("job unknown", level=logging.WARNING, pod=pod.name, error=str(error))
        finally:
            self._tasks.pop(pod.uid, None)

    async def _job(self, pod: RunnerPod) -> Job | None:
        """The job that this pod's runner has or had. Raises ForgeError."""
        if pod.runner_id is None:
            return None
        async with self._slots:
            try:
                async with asyncio.timeout(LOOK_UP_SECONDS):
                    return await self._forge.result(self._scope, runner_id=pod.runner_id, job_id=pod.busy)
            except TimeoutError as error:
                raise ForgeError(f"result: no answer within {LOOK_UP_SECONDS:.0f} s") from error
