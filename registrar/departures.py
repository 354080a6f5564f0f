"""Departures: pods that are gone before anybody knew what became of their jobs.

The end of a pod that is there is judged by its result. One that is deleted by force is gone at once: its runner is told
to stop a moment later, and reports its job as cancelled though nobody has cancelled it. One whose time to wait for its
job was over is gone as soon as its runner has ended.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from registrar.forges.forge import Forge, ForgeError, Job
from registrar.logs import LOGGER, log
from registrar.losses import STOPPED_SECONDS, loss_of_departed
from registrar.lost_jobs import LostJobs
from registrar.pods import RunnerPod
from values.scope import Scope

AT_ONCE: Final = 2  # of one scope: looks at the forge
MOST_FOLLOWED: Final = 200  # of one scope; where more are gone at once, people are told of these
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0


class Departures:
    """Those of one scope. Where a job was lost so, it is handed on to `lost`. Does not outlive a restart."""

    def __init__(self, forge: Forge, scope: Scope, lost: LostJobs, *, clock: Callable[[], float] = time.time) -> None:
        self._forge, self._scope, self._lost, self._clock = forge, scope, lost, clock
        self._followed: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    @property
    def followed(self) -> int:
        """Of how many pods it looks for the job."""
        return len(self._followed)

    def follow(self, pod: RunnerPod) -> None:
        """This pod has gone; only one that had a job can have lost one."""
        is_known = pod.uid in self._followed or len(self._followed) >= MOST_FOLLOWED
        if pod.busy is not None and pod.runner_id is not None and not is_known:
            self._followed[pod.uid] = asyncio.create_task(self._follow(pod, self._clock()))

    async def close(self) -> None:
        """Stop following."""
        tasks = list(self._followed.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, pod: RunnerPod, gone_at: float) -> None:
        pause, patience = FIRST_PAUSE_SECONDS, max(STOPPED_SECONDS, self._forge.pace.conclusion)
        job: Job | None = None
        while self._clock() - gone_at <= patience:
            wait = pause
            try:
                job = await self._job(pod)
                if job is None or job.conclusion:
                    break
            except ForgeError as error:
                log("job unknown", level=logging.WARNING, pod=pod.name, error=str(error))
                wait = max(pause, min(error.retry_after, LONGEST_PAUSE_SECONDS))
            except Exception:
                LOGGER.exception("departed pod not followed")  # one odd answer costs only itself
            await asyncio.sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        loss = loss_of_departed(pod, job, gone_at)
        if loss is not None:
            self._lost.follow(loss, pod)
        del self._followed[pod.uid]

    async def _job(self, pod: RunnerPod) -> Job | None:
        """The job that this pod's runner had. Raises ForgeError."""
        if pod.runner_id is None:
            return None
        async with self._slots:
            return await self._forge.result(self._scope, runner_id=pod.runner_id, job_id=pod.busy)
