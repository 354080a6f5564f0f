"""How long a part of the benchmark may take, and whether one more run still fits. Pure but for its clock."""

import time
from collections.abc import Callable
from typing import Final

# A run takes now longer and now shorter than the last one.
MARGIN: Final = 1.2


class Budget:
    """Ends so many seconds after it was made. Remembers what each thing took, and guesses what the next size will."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds
        self._took: dict[int, float] = {}

    def left(self) -> float:
        """Seconds; below zero when it is over."""
        return self._end - self._clock()

    def took(self, size: int, seconds: float) -> None:
        """What a round of this size took last."""
        self._took[size] = seconds

    def guess(self, size: int) -> float:
        """Seconds of the next round of this size: as the last one; of a new one, in proportion to the nearest size."""
        if size in self._took or not self._took:
            return self._took.get(size, 0.0)
        nearest = min(self._took, key=lambda other: abs(other - size))
        return self._took[nearest] * max(1.0, size / nearest)

    def fits(self, size: int) -> bool:
        """Whether one more round of this size ends in time."""
        return self.left() >= MARGIN * self.guess(size)
