"""What was seen of a soak: frozen values, and their JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Process:
    """A registrar's process at one moment. `life`: its container, so that a successor is another one."""

    life: str
    kib: int
    descriptors: int


@dataclass(frozen=True)
class Sample:
    """One side, `at` seconds after the beginning.

    alive: pods that wait, run or leave; ended: those that are over; registered: runners at the forge; registrations:
    all that the forge has made since the beginning; pods: all about which the registrar wrote; events: how often it
    wrote; waiting: jobs without a conclusion.
    """

    at: float
    side: str
    alive: int
    ended: int
    registered: int
    registrations: int
    pods: int
    events: int
    waiting: int
    processes: tuple[Process, ...]


@dataclass(frozen=True)
class Struck:
    """A strike as it was. victims: runners whose jobs it took by its nature; failed: why it did not come about."""

    at: float
    name: str
    side: str
    lasted: float
    note: str
    victims: tuple[str, ...] = ()
    ends_registrar: bool = False
    failed: bool = False


@dataclass(frozen=True)
class Ended:
    """A job as its forge has it in the end, "" where it has no conclusion; `begun`: how often it said that it begins.

    taken_by: the strike that took its runner, "" for none; told: whether people read at the forge why it is lost.
    """

    name: str
    side: str
    runner: str
    conclusion: str
    begun: int
    taken_by: str = ""
    told: bool = False


@dataclass(frozen=True)
class Left:
    """What was still there of a side when all was over and time to forget had passed, and is nobody's."""

    side: str
    pods: tuple[str, ...]
    registrations: tuple[str, ...]


@dataclass(frozen=True)
class Record:
    """A whole run; `seconds`: for how long there were strikes and new jobs."""

    seed: int
    minutes: float
    day: str
    seconds: float
    strikes: tuple[Struck, ...]
    jobs: tuple[Ended, ...]
    left: tuple[Left, ...]
    samples: tuple[Sample, ...]

    @property
    def sides(self) -> tuple[str, ...]:
        """The forges, in the order in which they were looked at first."""
        return tuple(dict.fromkeys(sample.side for sample in self.samples))

    def of(self, side: str) -> list[Sample]:
        """The samples of a side."""
        return [sample for sample in self.samples if sample.side == side]


def document(record: Record) -> dict[str, Any]:
    """The record as JSON has it; samples are rows under their column names, as there are hundreds."""
    whole = asdict(record)
    columns = [field.name for field in fields(Sample)]
    rows = [[sample[column] for column in columns[:-1]] + [_processes(sample)] for sample in whole["samples"]]
    return {**whole, "samples": {"columns": columns, "rows": rows}}


def _processes(sample: Mapping[str, Any]) -> list[list[Any]]:
    return [[process["life"], process["kib"], process["descriptors"]] for process in sample["processes"]]
