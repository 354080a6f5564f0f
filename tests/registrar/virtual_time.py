"""An event loop whose clock jumps to whatever is due next: minutes of waiting pass at once, and always alike.

For what waits for time alone; there are no sockets in it.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class _Jumping(selectors.SelectSelector):
    """Never waits: where nothing else is to be done, the time until the next timer has passed."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everybody waits for somebody else, for ever")
        if not ready:
            self.now += max(timeout or 0.0, 0.0)
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, selector: _Jumping) -> None:
        self._jumping = selector
        super().__init__(selector)

    def time(self) -> float:
        return self._jumping.now


def run(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Run it to its end."""
    with asyncio.Runner(loop_factory=lambda: _Loop(_Jumping())) as runner:
        return runner.run(work)
