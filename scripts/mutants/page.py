"""docs/mutants.md: made from what was tried, and from the reasons that people wrote apart. Pure."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from scripts.mutants.rooms import ROOMS
from scripts.mutants.trial import Fate, Outcome, Trial, score

REASONS: Final = "docs/mutants.toml"
GOAL: Final = 0.9


@dataclass(frozen=True)
class Survivor:
    """By what a reason is found again: not by mutmut's number, which the next line of code moves on."""

    file: str
    function: str
    change: str


def survivor_of(trial: Trial) -> Survivor:
    """The key of a trial."""
    return Survivor(trial.file, trial.function, " ".join(trial.change))


def reasons_of(text: str) -> dict[Survivor, str]:
    """The reasons of docs/mutants.toml. Raises KeyError where an entry lacks one of its four keys."""
    entries = tomllib.loads(text).get("survivor", [])
    return {Survivor(one["file"], one["function"], one["change"]): one["reason"] for one in entries}


def without_reason(outcomes: Iterable[Outcome], reasons: Mapping[Survivor, str]) -> list[Trial]:
    """What is left and nobody has explained: each of them is a test that is missing, or a reason."""
    return [
        trial
        for outcome in outcomes
        for trial in outcome.trials
        if trial.fate is Fate.LEFT and survivor_of(trial) not in reasons
    ]


def rendered(outcomes: Mapping[str, Outcome], reasons: Mapping[Survivor, str], *, seed: int, of_each: int) -> str:
    """The page."""
    parts = [_HEAD.format(seed=seed, of_each=of_each, reasons=REASONS)]
    for room, outcome in outcomes.items():
        parts.append(f"\n## {room}\n\n{_summary(outcome)}\n\n{_table(outcome)}")
        left = [trial for trial in outcome.trials if trial.fate is Fate.LEFT]
        if left:
            parts.append("\n" + "\n".join(_entry(trial, reasons) for trial in left) + "\n")
    not_run = [room for room in ROOMS if room not in outcomes]
    if not_run:
        parts.append(f"\nNot run: {', '.join(not_run)}.\n")
    return "".join(parts)


_HEAD: Final = """\
<!-- Made by `make mutants`; reasons are in {reasons}. -->
# Mutants: what the unit tests notice

`make mutants` changes one small thing in the code at a time (a comparison, a number, an argument, an `and`, a short
string), has the unit tests of the room run that go through the changed function, and lists what none of them noticed.
[mutmut](https://github.com/boxed/mutmut) makes the changes ([decision 0030](decisions/0030-mutants-by-mutmut.md)).

Tried: {of_each} of each file at most, drawn with the seed {seed}; not tried: texts for people (a string with a blank in
it), code outside of functions, and functions with a decorator, which mutmut leaves as they are. *killed*: a test
complained or did not end. *refused*: no test complained, but mypy does, so `make check` would. The score is of the
tests alone: killed, of killed and left.
"""


def _summary(outcome: Outcome) -> str:
    fates = [trial.fate for trial in outcome.trials]
    killed, left = fates.count(Fate.KILLED), fates.count(Fate.LEFT)
    text = (
        f"{sum(outcome.mutants.values())} mutants, {len(fates)} tried: {killed} killed by tests, {left} left "
        f"({100 * score(outcome.trials):.1f} %), {fates.count(Fate.REFUSED)} refused by mypy"
    )
    not_reached = fates.count(Fate.NOT_REACHED)
    return text + (f"; {not_reached} not reached in time." if not_reached else ".")


def _table(outcome: Outcome) -> str:
    lines = ["| file | mutants | of words | tried | killed | refused | left |", "|---|---|---|---|---|---|---|"]
    for file, number in sorted(outcome.mutants.items()):
        fates = [trial.fate for trial in outcome.trials if trial.file == file and trial.fate is not Fate.NOT_REACHED]
        numbers = [number, outcome.of_words[file], len(fates)]
        numbers += [fates.count(fate) for fate in (Fate.KILLED, Fate.REFUSED, Fate.LEFT)]
        lines.append(f"| `{file}` | {' | '.join(map(str, numbers))} |")
    return "\n".join(lines) + "\n"


def _entry(trial: Trial, reasons: Mapping[Survivor, str]) -> str:
    reason = reasons.get(survivor_of(trial), "**no reason yet: a test is missing, or a reason**")
    change = "\n".join(f"  {line}" for line in trial.change)
    return f"* `{trial.file}`, `{trial.function}`: {reason}\n\n  ```diff\n{change}\n  ```\n"
