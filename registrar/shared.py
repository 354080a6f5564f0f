"""Shared: one question to the forge for all who ask it at the same time, and its answer for a moment after."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

from registrar.forges.forge import ForgeError, ForgeUnreachableError
from values.scope import Scope

Answer = TypeVar("Answer")


class Shared(Generic[Answer]):
    """Asks at most once at a time, and at most once in `keep_seconds`; an error is kept as long as an answer."""

    def __init__(
        self,
        ask: Callable[[], Awaitable[Answer]],
        keep_seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask, self._keep_seconds, self._clock = ask, keep_seconds, clock
        self._asked: asyncio.Task[Answer] | None = None
        self._answered_at = float("-inf")

    async def get(self) -> Answer:
        """The answer. Whoever goes away while they wait takes it from nobody else. Raises what the question raises."""
        is_over = self._asked is None or (
            self._asked.done() and self._clock() - self._answered_at >= self._keep_seconds
        )
        if self._asked is None or is_over:
            self._asked = asyncio.create_task(self._get())
            self._asked.add_done_callback(_look_at_error)
        return await asyncio.shield(self._asked)

    async def _get(self) -> Answer:
        try:
            return await self._ask()
        finally:
            self._answered_at = self._clock()


async def answers_by_scope(
    questions: Mapping[Scope, Shared[Answer]], *, seconds: Mapping[Scope, float]
) -> tuple[dict[Scope, Answer], dict[Scope, ForgeError]]:
    """Asks about all scopes at once: what each answered, and why those that did not answer did not.

    `seconds` is how long each may take here; its question goes on, for who asks next. Raises what is no ForgeError.
    """

    async def answer(scope: Scope, question: Shared[Answer]) -> Answer | ForgeError:
        try:
            async with asyncio.timeout(seconds[scope]):
                return await question.get()
        except TimeoutError:
            return ForgeUnreachableError(f"{scope.path}: no answer of the forge within {seconds[scope]:g} s")
        except ForgeError as error:
            return error

    read = await asyncio.gather(*(answer(scope, question) for scope, question in questions.items()))
    by_scope = dict(zip(questions, read, strict=True))
    return (
        {scope: answer for scope, answer in by_scope.items() if not isinstance(answer, ForgeError)},
        {scope: answer for scope, answer in by_scope.items() if isinstance(answer, ForgeError)},
    )


def _look_at_error(task: "asyncio.Task[Answer]") -> None:
    """Everybody may have gone away meanwhile: an error that nobody waits for is no news."""
    if not task.cancelled():
        task.exception()
