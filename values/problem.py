"""Problem: one thing that is wrong, in the same words wherever somebody looks for what is wrong."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from values.secrecy import HIDDEN, without_login, without_secrets
from values.visible_text import on_one_line

NOTHING: Final = "nothing"
_LONGEST: Final = 80
_LOOKED_AT: Final = 2000
_DEEPEST: Final = 20


@dataclass(frozen=True)
class Problem:
    """key: the full key, or the object, that is wrong; what was found there, what is allowed, and what cures it.

    They repeat what somebody wrote: what looks like a credential is hidden, and what would move a terminal is written
    out, whoever notes the problem.
    """

    key: str
    found: str
    allowed: str
    cure: str

    def __post_init__(self) -> None:
        for name in ("key", "found"):
            object.__setattr__(self, name, on_one_line(without_secrets(without_login(getattr(self, name)))))
        object.__setattr__(self, "allowed", on_one_line(without_secrets(self.allowed)))

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
    """A decoded value as a person wrote it, on one line and cut where it gets long: what a problem found.

    Without what looks like a credential: it is hidden before the cut, which could leave a half that looks like none.
    """
    if value is None:
        return NOTHING
    text = without_secrets(json.dumps(_without_credentials(value), default=str))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}…"


def _without_credentials(value: object, depth: int = 0) -> object:
    """The same, with every text in it as it may be shown: in JSON, quotes within a text would not look like quotes."""
    if isinstance(value, str):
        return without_secrets(without_login(value[:_LOOKED_AT]))
    if isinstance(value, dict | list) and depth >= _DEEPEST:
        return HIDDEN
    if isinstance(value, dict):
        return {_without_credentials(str(key)): _without_credentials(part, depth + 1) for key, part in value.items()}
    return [_without_credentials(part, depth + 1) for part in value] if isinstance(value, list) else value
