"""JobsInProgress: the jobs of one scope that runners have now, read once for all who want to know.

A forge lists them page by page, so a long list costs it more, and everybody who asks for it. It is therefore read for
whoever asks at the same time at once, and may be the older the longer it is. Nothing is removed on its word: see
Actor, which looks once more.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from registrar.forges.forge import Forge, Job
from values.scope import Scope


@dataclass(frozen=True)
class Reading:
    """`began` is when it was asked for, by the clock of who holds it: a job that began later may be missing."""

    began: float
    jobs: tuple[Job, ...]


class JobsInProgress:
    """Of one scope."""

    def __init__(self, forge: Forge, scope: Scope, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._forge, self._scope, self._clock = forge, scope, clock
        self._last: Reading | None = None
        self._asked: asyncio.Task[Reading] | None = None
        self._asked_at = float("-inf")
        self._readings = 0  # so many were begun

    @property
    def age(self) -> float:
        """Seconds that an answer may be old where nothing more is known of the moment: 0 while nothing goes on."""
        return 0.0 if self._last is None else self._forge.pace.job_age * len(self._last.jobs)

    async def read(self, most_age: float = float("inf")) -> Reading:
        """A reading that is no older than `age`, nor than so many seconds. Raises ForgeError.

        Whoever goes away while they wait takes it from nobody else.
        """
        oldest, before = self._clock() - max(0.0, min(self.age, most_age)), self._readings
        if self._last is not None and self._last.began > oldest:
            return self._last
        while self._asked is not None and not self._asked.done():
            if self._readings > before or self._asked_at > oldest:
                return await asyncio.shield(self._asked)
            await asyncio.wait([self._asked])
        if self._readings > before and self._last is not None and self._asked_at == self._last.began:
            return self._last  # whoever waited beside us has asked meanwhile
        return await asyncio.shield(self._ask())

    async def close(self) -> None:
        """Stop reading."""
        if self._asked is not None:
            self._asked.cancel()
            await asyncio.wait([self._asked])

    def _ask(self) -> "asyncio.Task[Reading]":
        self._asked_at = self._clock()
        self._readings += 1
        self._asked = asyncio.create_task(self._read(self._asked_at))
        self._asked.add_done_callback(_look_at_error)
        return self._asked

    async def _read(self, began: float) -> Reading:
        self._last = Reading(began, await self._forge.jobs_in_progress(self._scope))
        return self._last


def _look_at_error(task: "asyncio.Task[Reading]") -> None:
    """Everybody may have gone away meanwhile: an error that nobody waits for is no news."""
    if not task.cancelled():
        task.exception()
