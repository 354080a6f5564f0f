"""One look at a time in a thread of its own, which a signal need not wait for.

A look may hang in what Python cannot break off, such as a name server that is silent. Whoever waits for it here is
interrupted at once; the thread ends with the process.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final, Generic, TypeVar

Result = TypeVar("Result")

# A signal that comes just before Python blocks, or to another thread, is only noticed when it blocks no more.
NOTICE_SECONDS: Final = 0.5


class LookingThread(Generic[Result]):
    """Calls `look` whenever it is asked to, always from the same thread."""

    def __init__(self, look: Callable[[], Result]) -> None:
        self._look = look
        self._asked: SimpleQueue[None] = SimpleQueue()
        self._answers: SimpleQueue[Result | Exception] = SimpleQueue()
        threading.Thread(target=self._run, name="look", daemon=True).start()

    def __call__(self) -> Result:
        """What `look` returns. Raises what it raises, KeyboardInterrupt."""
        self._asked.put(None)
        answer = self._answer()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _answer(self) -> Result | Exception:
        while True:
            with suppress(Empty):
                return self._answers.get(timeout=NOTICE_SECONDS)

    def _run(self) -> None:
        while True:
            self._asked.get()
            try:
                self._answers.put(self._look())
            except Exception as error:
                self._answers.put(error)
