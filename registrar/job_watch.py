"""JobWatch: what waits and works in one scope of the forge, read beside everything else while somebody asks for it.

A slow forge is answered for from its last complete reading until the next one may be expected: an autoscaler that gets
an error changes nothing, so that a pool at zero would stay there.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from registrar.forges.forge import Forge, ForgeError, ForgeUnreachableError, Job
from registrar.jobs_in_progress import JobsInProgress, Reading
from registrar.logs import LOGGER, log
from values.scope import Scope

ASKED_SECONDS: Final = 120.0  # after the last question: an autoscaler asks every few seconds
PATIENCE_SECONDS: Final = 2.0  # that a question waits for a first or a younger reading; KEDA gives up after 3
MOST_TAKEN_SECONDS: Final = 15.0  # that a reading is waited for while the one before it is told
LONGEST_PAUSE_SECONDS: Final = 60.0  # between two tries at a forge in trouble


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One reading. `at`: when it began, `took`: seconds until its end. A job that began meanwhile is in both.

    running: the jobs that runners have, and those without one that waited a moment ago and wait no more, as the list of
    those with one may be older.
    """

    at: float
    took: float
    waiting: tuple[Job, ...]
    running: tuple[Job, ...]


class JobWatch:
    """Whoever asks gets the newest snapshot at once, and waits only where there is none that is young enough."""

    def __init__(
        self, forge: Forge, scope: Scope, jobs: JobsInProgress, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._forge, self._scope, self._jobs, self._clock = forge, scope, jobs, clock
        self._waited: dict[str, Job] = {}  # by their ids
        self._left: dict[str, tuple[float, Job]] = {}  # when each was found to have left the queue
        self._snapshot: Snapshot | None = None
        self._error: ForgeError | None = None
        self._asked_at = float("-inf")
        self._asked, self._read = asyncio.Event(), asyncio.Condition()

    async def get(self) -> Snapshot:
        """A snapshot that is young enough. Raises ForgeError where the forge gives none in time."""
        self._asked_at = self._clock()
        self._asked.set()
        if self._snapshot is None or not self._is_young(self._snapshot):
            await self._wait()
        if self._snapshot is not None and self._is_young(self._snapshot):
            return self._snapshot
        raise self._error or ForgeUnreachableError(self._unread(), retry_after=2)

    async def run(self) -> None:
        """Read, for ever; nothing while nobody asks."""
        while True:
            self._asked.clear()
            if self._clock() - self._asked_at > ASKED_SECONDS:
                await self._asked.wait()
            began = self._clock()
            pause = await self._read_once(began)
            async with self._read:
                self._read.notify_all()
            await asyncio.sleep(max(0.0, pause - (self._clock() - began)))

    async def _read_once(self, began: float) -> float:
        """Returns the seconds from one reading's beginning to the next one's."""
        try:
            # In this order: what begins in between is in both, not in none.
            waiting = await self._forge.queued(self._scope)
            self._note_left(waiting)
            running = self._with_left(waiting, await self._jobs.read())
            took = self._clock() - began
            self._snapshot = Snapshot(at=began, took=took, waiting=waiting, running=running)
            self._error = None
        except ForgeError as error:
            if self._error is None:
                log("queue unknown", level=logging.WARNING, scope=self._scope, error=str(error))
            self._error = error
            return min(max(error.retry_after, self._forge.pace.queue), LONGEST_PAUSE_SECONDS)
        except Exception:
            LOGGER.exception("queue not read")  # one odd answer must not end the readings of all others
        return self._forge.pace.queue

    def _note_left(self, waiting: tuple[Job, ...]) -> None:
        now, there = self._clock(), {job.id: job for job in waiting}
        self._left |= {key: (now, job) for key, job in self._waited.items() if key not in there}
        self._waited = there

    def _with_left(self, waiting: tuple[Job, ...], running: Reading) -> tuple[Job, ...]:
        """The jobs that run, and those that left the queue since these were read: most likely they run, too."""
        self._left = {key: left for key, left in self._left.items() if left[0] > running.began}
        known = {job.id for job in (*waiting, *running.jobs)}
        return (*running.jobs, *(job for key, (_, job) in self._left.items() if key not in known))

    async def _wait(self) -> None:
        """Until the reading under way, or the next one, has ended; not for ever."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self._read:
                await self._read.wait()
        except TimeoutError:
            return

    def _is_young(self, snapshot: Snapshot) -> bool:
        return self._age(snapshot) <= self._oldest(snapshot)

    def _age(self, snapshot: Snapshot) -> float:
        """Seconds since it was read."""
        return self._clock() - snapshot.at - snapshot.took

    def _oldest(self, snapshot: Snapshot) -> float:
        """Up to which age it is told: the next reading takes about as long as it did."""
        return self._forge.pace.queue_age + min(snapshot.took, MOST_TAKEN_SECONDS)

    def _unread(self) -> str:
        """Why nothing is told though the forge has said nothing wrong."""
        if self._snapshot is None:
            return f"the queue of {self._scope} is being read for the first time"
        age, oldest = self._age(self._snapshot), self._oldest(self._snapshot)
        return (
            f"the queue of {self._scope} was read {age:.0f} s ago, which took {self._snapshot.took:.1f} s; it is told "
            f"for {oldest:.0f} s, and being read again"
        )
