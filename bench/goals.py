"""What the figures shall be, and whether they are. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.measurement import (
    CREATED_TO_ONLINE,
    FIRST_STEP,
    FIRST_TRAINING,
    FLAT,
    FROM_ZERO,
    HELM,
    NEXT_ONLINE,
    OURS,
    REVIEW,
    UP_INSTANT,
    UP_REAL,
    Measurement,
)

# Of the flat program's time, at every size and at the largest of real runners.
MOST_OF_FLAT: Final = 1.0
MOST_OF_FLAT_REAL: Final = {30: 0.65}
MOST_OF_HELM: Final = 1.3
SECONDS: Final[Mapping[tuple[str, int], float]] = {
    (FROM_ZERO, 1): 3.0,
    (CREATED_TO_ONLINE, 1): 1.0,
    (NEXT_ONLINE, 1): 1.5,
    (FIRST_STEP, 1): 0.8,
    (FIRST_TRAINING, 1): 8.0,
    (REVIEW, 50): 5.0,
    (REVIEW, 100): 8.0,
}


@dataclass(frozen=True)
class Verdict:
    """A goal, what may be at most, and what was measured (None: nothing); seconds, or parts of a rival's time."""

    goal: str
    at_most: float
    measured: float | None
    unit: str = ""

    @property
    def kept(self) -> bool | None:
        """None where nothing was measured."""
        return None if self.measured is None else self.measured <= self.at_most


def judge(measurements: Sequence[Measurement], sizes: Mapping[str, Sequence[int]]) -> list[Verdict]:
    """Every goal, measured or not. `sizes`: the numbers of pools that belong to each measure of `up`."""
    medians = {(m.measure, m.subject, m.pools): m.median for m in measurements}

    def ratio(measure: str, rival: str, pools: int) -> float | None:
        ours, theirs = (medians.get((measure, subject, pools)) for subject in (OURS, rival))
        return ours / theirs if ours is not None and theirs else None

    def ratios() -> Iterator[Verdict]:
        for rival in (FLAT, HELM):
            for measure in (UP_INSTANT, UP_REAL):
                for pools in sizes.get(measure, ()):
                    most = MOST_OF_HELM if rival == HELM else MOST_OF_FLAT
                    if measure == UP_REAL and rival == FLAT:
                        most = MOST_OF_FLAT_REAL.get(pools, most)
                    name = f"{measure}, {pools} pool{'s' if pools > 1 else ''}: of {rival}'s time"
                    yield Verdict(name, most, ratio(measure, rival, pools))

    seconds = [
        Verdict(f"{measure}{f', {pools} pools' if pools > 1 else ''}", most, medians.get((measure, OURS, pools)), " s")
        for (measure, pools), most in SECONDS.items()
    ]
    return [*ratios(), *seconds]
