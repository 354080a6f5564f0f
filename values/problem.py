"""Problem: one thing that is wrong, in the same words wherever somebody looks for what is wrong."""

import json
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """key: the full key, or the object, that is wrong; what was found there, what is allowed, and what cures it."""

    key: str
    found: str
    allowed: str
    cure: str

    def __str__(self) -> str:
        return f"{self.key}: found {self.found}; allowed: {self.allowed}; cure: {self.cure}"


class ProblemsError(Exception):
    """Everything that is wrong with one thing, each problem once, in one message below its first line."""

    def __init__(self, first_line: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join([first_line, *(f"  {problem}" for problem in self.problems)]))


def count_of(problems: Iterable[Problem]) -> str:
    """E.g. `1 problem` or `3 problems`."""
    count = len(set(problems))
    return "1 problem" if count == 1 else f"{count} problems"


def quoted(value: object) -> str:
    """A decoded value as a person wrote it, on one line and cut where it gets long: what a problem found."""
    if value is None:
        return "nothing"
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else f"{text[:77]}…"
