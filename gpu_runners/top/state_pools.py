"""StatePools: the pools of a stack's state, read anew from time to time, as an `up` may rename some meanwhile."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from typing import Final

from gpu_runners.declared_pools import DeclaredPool
from gpu_runners.errors import CommandFailedError

AGE_SECONDS: Final = 30.0  # Pulumi takes about a second to tell a state, and minutes where its backend is slow


class StatePools:
    """read asks for the state, beside whoever asks here; it may raise CommandFailedError or OSError."""

    def __init__(
        self,
        pools: Sequence[DeclaredPool],
        read: Callable[[], Sequence[DeclaredPool]],
        beside: Executor,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pools, self._problem = pools, ""
        self._read, self._beside, self._clock = read, beside, clock
        self._reading: Future[Sequence[DeclaredPool]] | None = None
        self._began = clock()

    def now(self) -> tuple[Sequence[DeclaredPool], str]:
        """The pools of the last state that could be read, and why it is not a newer one, "" where it need not be.

        Never waits. An answer that is there is taken over; half a minute after a question began comes the next.
        """
        age = self._clock() - self._began
        if self._reading is not None and self._reading.done():
            self._take_over(self._reading)
            self._reading = None
        elif self._reading is None and age > AGE_SECONDS:
            self._began, self._reading = self._clock(), self._beside.submit(self._read)
        elif age > AGE_SECONDS:
            self._problem = f"no answer from Pulumi for {age:.0f} s"
        return self._pools, self._problem

    def _take_over(self, reading: Future[Sequence[DeclaredPool]]) -> None:
        try:
            self._pools, self._problem = reading.result(), ""
        except (CommandFailedError, OSError) as error:
            self._problem = str(error)
