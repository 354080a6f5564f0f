"""Reads typed fields out of a nested mapping and collects every problem with its full key. Knows no field's meaning.

Each reader returns a value of the right type even when it has noted a problem, so that reading goes on and one message
can list them all; the values are worthless then.
"""

import difflib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from values.problem import Problem, quoted

Check = Callable[[str], bool]


@dataclass(frozen=True)
class Section:
    """A mapping at a key, whose fields are read by name. Shares its list of problems with its own sections."""

    key: str
    values: Mapping[str, Any]
    problems: list[Problem] = field(default_factory=list)

    def at(self, name: str) -> str:
        """The full key of a field."""
        return f"{self.key}{name}" if self.key.endswith(":") else f"{self.key}.{name}"

    def note(self, name: str, found: str, allowed: str, cure: str) -> None:
        """Notes a problem with a field."""
        self.problems.append(Problem(self.at(name), found, allowed, cure))

    def known(self, *names: str) -> None:
        """Notes every key that is none of these, with the nearest that is."""
        for name in self.values:
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                cure = f"did you mean {near[0]}?" if near else "remove it, nothing reads it"
                self.note(name, "an unknown key", ", ".join(sorted(names)), cure)

    def once(self, name: str, texts: Sequence[str]) -> None:
        """Notes each text that is there more than once, whatever its case; empty ones do not count."""
        for text, count in Counter(text.lower() for text in texts if text).items():
            if count > 1:
                self.note(name, f"{text} {count} times", "each once", "merge them into one")

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self.values.get(name) is not None

    def text(self, name: str, check: Check, allowed: str, cure: str = "") -> str:
        """A required text that passes the check."""
        value = self.values.get(name)
        if isinstance(value, str) and check(value):
            return value
        self.note(name, quoted(value), allowed, cure or usual_cure(value, "text"))
        return ""

    def optional_text(self, name: str, check: Check, allowed: str, cure: str = "") -> str | None:
        """A text that may be absent."""
        return self.text(name, check, allowed, cure) if self.has(name) else None

    def integer(self, name: str, low: int, high: int, cure: str = "") -> int:
        """A required whole number within bounds; true is no number."""
        value = self.values.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        allowed = f"a whole number from {low} to {high}"
        self.note(name, quoted(value), allowed, cure or usual_cure(value, "number"))
        return low

    def flag(self, name: str) -> bool:
        """A required true or false."""
        value = self.values.get(name)
        if isinstance(value, bool):
            return value
        self.note(name, quoted(value), "true or false", usual_cure(value, "truth"))
        return False

    def texts(self, name: str, check: Check, allowed: str, cure: str = "") -> list[str]:
        """A list of texts that each pass the check; absent means empty."""
        found = self._list(name, f"a list, each item {allowed}")
        for index, value in enumerate(found):
            if not (isinstance(value, str) and check(value)):
                self.note(f"{name}[{index}]", quoted(value), allowed, cure or usual_cure(value, "text"))
        return [value for value in found if isinstance(value, str)]

    def pairs(self, name: str, check_key: Check, check_value: Check, allowed: str) -> dict[str, str]:
        """A mapping of texts; absent means empty."""
        section = self.section(name)
        for key, value in section.values.items():
            if not (isinstance(value, str) and check_key(key) and check_value(value)):
                section.note(key, quoted(value), allowed, usual_cure(value, "text"))
        return {key: value for key, value in section.values.items() if isinstance(value, str)}

    def section(self, name: str) -> "Section":
        """A mapping at a field; absent means empty."""
        value = self.values.get(name)
        if value is not None and not _is_mapping(value):
            self.note(name, quoted(value), "a mapping", usual_cure(value, "mapping"))
        return Section(self.at(name), value if _is_mapping(value) else {}, self.problems)

    def sections(self, name: str) -> "list[Section]":
        """A list of mappings at a field; absent means empty."""
        found = []
        for index, value in enumerate(self._list(name, "a list of mappings")):
            if _is_mapping(value):
                found.append(Section(f"{self.at(name)}[{index}]", value, self.problems))
            else:
                self.note(f"{name}[{index}]", quoted(value), "a mapping", usual_cure(value, "mapping"))
        return found

    def _list(self, name: str, allowed: str) -> Sequence[Any]:
        value = self.values.get(name)
        if value is None:
            return []
        if isinstance(value, list):
            return value
        self.note(name, quoted(value), allowed, usual_cure(value, "list"))
        return []


def _is_mapping(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict) and all(isinstance(key, str) for key in value)


def usual_cure(value: object, wanted: str) -> str:
    """What helps most people who wrote this value where a text, number, truth, list or mapping is wanted."""
    if value is None:
        return "add it"
    if wanted == "text":
        return "write it in quotes" if isinstance(value, bool | int | float) else "correct it"
    if wanted == "number":
        return "write a number without quotes" if isinstance(value, str) else "write a whole number of this range"
    if wanted == "truth":
        return "write true or false without quotes"
    if wanted == "list":
        return "write [one, two], or each item on a line of its own behind `- `"
    return "write `key: value` pairs below it" if wanted == "mapping" else "correct it"
