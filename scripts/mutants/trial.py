"""What became of each mutant: a value, and its one way to JSON and back. Pure."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum


class Fate(StrEnum):
    """KILLED: a test complained, or did not end. REFUSED: no test did, but mypy does. LEFT: nothing noticed it."""

    KILLED = "killed"
    REFUSED = "refused"
    LEFT = "left"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One mutant. `change`: the lines that differ, with - and + before them. `function` as in `Class.method`."""

    file: str
    function: str
    change: tuple[str, ...]
    fate: Fate


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A room's run. `mutants`: of each file, how many there are; `of_words`: how many of them no test shall notice."""

    mutants: dict[str, int]
    of_words: dict[str, int]
    trials: tuple[Trial, ...]


def dumped(outcome: Outcome) -> str:
    """As JSON."""
    return json.dumps(asdict(outcome), indent=1, ensure_ascii=False)


def loaded(text: str) -> Outcome:
    """From JSON that `dumped` wrote."""
    document = json.loads(text)
    trials = tuple(
        Trial(file=one["file"], function=one["function"], change=tuple(one["change"]), fate=Fate(one["fate"]))
        for one in document["trials"]
    )
    return Outcome(mutants=document["mutants"], of_words=document["of_words"], trials=trials)


def change_of(before: Sequence[str], after: Sequence[str]) -> tuple[str, ...]:
    """The lines that differ between two versions of a function, without the blanks before and after them."""
    start = next(
        (n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
    )
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    return (*(f"- {line.strip()}" for line in old), *(f"+ {line.strip()}" for line in new))


def score(trials: Iterable[Trial]) -> float:
    """The part that the tests killed, of those that were tried and that mypy lets pass; 1.0 of none."""
    counted = [trial for trial in trials if trial.fate in (Fate.KILLED, Fate.LEFT)]
    return sum(trial.fate is Fate.KILLED for trial in counted) / len(counted) if counted else 1.0
