"""What happens when, from the seed alone: which fault strikes where, and how long each job takes. Pure."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

FIRST_SECONDS: Final = 10.0
PAUSE_SECONDS: Final = (3.0, 8.0)  # after a strike
# A process that is to be judged for its growth has to live: nobody ends a registrar after this part of the time.
EARLY: Final = 1 / 3
# Gitea's runner gives up 60 s after the forge's last answer: it gets one between two outages.
CALM_SECONDS: Final = 20.0
TAKING_APART_SECONDS: Final = 60.0
# So long after a job's runner is taken the forge may have no word on it, and people can read nothing: GitHub waits for
# a runner for ten minutes. Nothing is taken of which that lies beyond the end.
VERDICT_SECONDS: Final[Mapping[str, float]] = {"github": 600.0}
JOB_SECONDS: Final = (0.5, 6.0)
GAP_SECONDS: Final = (0.0, 2.0)


@dataclass(frozen=True)
class Kind:
    """A fault that strikes in a soak. `name`: its name in the fault suite's table; `sides`: where it may strike.

    `seconds` it takes about so long; `takes` the job on its victim is lost by its nature; `ends_registrar` and `outage`
    say what else must not happen near it.
    """

    name: str
    sides: tuple[str, ...]
    seconds: float
    takes: bool = False
    ends_registrar: bool = False
    outage: bool = False


@dataclass(frozen=True)
class Strike:
    """`at`: seconds after the beginning; `pick`: 0 to below 1, for whatever is left to chance in it."""

    at: float
    kind: Kind
    side: str
    pick: float


@dataclass(frozen=True)
class JobPlan:
    """A job that takes so long, and the pause before the next one may be pushed."""

    name: str
    seconds: float
    gap: float


def strikes(seed: int, seconds: float, kinds: Sequence[Kind]) -> tuple[Strike, ...]:
    """The strikes of a soak, in their order: every kind at every side once before any comes again, where that fits."""
    chance = random.Random(f"strikes {seed}")  # noqa: S311 - has to be the same again
    planned: list[Strike] = []
    bag: list[tuple[Kind, str]] = []
    at = FIRST_SECONDS
    while at < seconds:
        fitting = [drawn for drawn in bag if _fits(*drawn, at, seconds, planned)]
        if not fitting:
            bag = [(kind, side) for kind in kinds for side in kind.sides]
            chance.shuffle(bag)
            fitting = [drawn for drawn in bag if _fits(*drawn, at, seconds, planned)]
        if fitting:
            kind, side = fitting[0]
            bag.remove(fitting[0])
            planned.append(Strike(at, kind, side, chance.random()))
            at += kind.seconds
        at = round(at + chance.uniform(*PAUSE_SECONDS), 1)
    return tuple(planned)


def jobs(seed: int, side: str) -> Iterator[JobPlan]:
    """The jobs of a side, one after another, for ever."""
    chance = random.Random(f"jobs {seed} {side}")  # noqa: S311 - has to be the same again
    number = 0
    while True:
        number += 1
        yield JobPlan(f"job-{number}", round(chance.uniform(*JOB_SECONDS), 1), round(chance.uniform(*GAP_SECONDS), 1))


def _fits(kind: Kind, side: str, at: float, seconds: float, planned: Sequence[Strike]) -> bool:
    if kind.ends_registrar and at > seconds * EARLY:
        return False
    if kind.takes and at + VERDICT_SECONDS.get(side, 0.0) > seconds:
        return False
    if kind.outage and any(
        it.kind.outage and it.side == side and at < it.at + it.kind.seconds + CALM_SECONDS for it in planned
    ):
        return False
    return not (kind.takes and any(it.kind.takes and at < it.at + TAKING_APART_SECONDS for it in planned))
