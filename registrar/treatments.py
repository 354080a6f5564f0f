"""What was decided is done beside the cycles, so that a slow runner costs only itself.

One treatment at a time for each pod, or runner without one. Those that change something at the forge wait for room
among their like: they hold up no gate and no latch, not even that of a pod whose own turn has not come yet.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Final

from registrar.decisions import Action, Verb
from registrar.logs import LOGGER

AT_ONCE: Final = 8  # of one scope: of those that change something at the forge, and of the others
_AT_FORGE: Final = frozenset({Verb.CORDON, Verb.REMOVE})
_URGENT: Final = frozenset({Verb.SET_GATE, Verb.LATCH})


class Treatments:
    """Those of one scope."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._waiting: set[str] = set()
        self._slots_at_forge, self._slots = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(AT_ONCE)

    @property
    def under_way(self) -> frozenset[str]:
        """Who is treated, or waits for it."""
        return frozenset(self._tasks)

    def is_waiting(self, who: str) -> bool:
        """Whether nothing of it has been done yet, for want of room."""
        return who in self._waiting

    def begin(self, who: str, actions: Sequence[Action], treat: Callable[[], Coroutine[None, None, None]]) -> None:
        """Treat them as soon as there is room; `actions` are those that `treat` does.

        Who waits already keeps its place, unless it is owed a gate or a latch now.
        """
        verbs = {action.verb for action in actions}
        if who in self._waiting and verbs & _URGENT:
            self._tasks.pop(who).cancel()
        if who not in self._tasks:
            slots = self._slots_at_forge if verbs & _AT_FORGE else self._slots
            self._waiting.add(who)
            self._tasks[who] = asyncio.create_task(self._go_on(who, treat, slots))

    async def close(self) -> None:
        """Stop them."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _go_on(
        self, who: str, treat: Callable[[], Coroutine[None, None, None]], slots: asyncio.Semaphore
    ) -> None:
        try:
            async with slots:
                self._waiting.discard(who)
                await treat()
        except Exception:
            LOGGER.exception("not treated")  # one odd pod costs only itself
        finally:
            if self._tasks.get(who) is asyncio.current_task():
                del self._tasks[who]
