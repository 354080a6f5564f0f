"""StatePools: the pools of a stack's state, read anew from time to time, as an `up` may rename some meanwhile."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from gpu_runners.declared_pools import DeclaredPool
from gpu_runners.errors import CommandFailedError

AGE_SECONDS: Final = 30.0  # Pulumi takes about a second to tell a state


class StatePools:
    """read asks for the state and may raise CommandFailedError: then the pools that were known stay."""

    def __init__(
        self,
        pools: Sequence[DeclaredPool],
        read: Callable[[], Sequence[DeclaredPool]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pools, self._read, self._clock = pools, read, clock
        self._read_at = clock()

    def now(self) -> Sequence[DeclaredPool]:
        """As the state had them at most half a minute ago, as far as it could be read."""
        if self._clock() - self._read_at > AGE_SECONDS:
            self._read_at = self._clock()
            with suppress(CommandFailedError):
                self._pools = self._read()
        return self._pools
