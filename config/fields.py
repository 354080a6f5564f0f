"""Reads typed fields out of a nested mapping and collects every problem with its full key. Knows no field's meaning.

Each reader returns a value of the right type even when it has noted a problem, so that reading goes on and one message
can list them all; the values are worthless then.
"""

import difflib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeGuard

from config.kinds import NumberKind, TextKind
from config.shape import Schema, Shape
from values.problem import NOTHING, Problem, quoted
from values.secrecy import without_secrets

MOST_ITEMS: Final = 500  # of any list: a longer one is a mistake, and would take for ever to tell
MAPPING: Final = "a mapping"
LIST_OF_MAPPINGS: Final = "a list of mappings"
_PLAIN_ITEMS: Final = re.compile(r"[A-Za-z0-9_./@-]{1,60}(?:, ?[A-Za-z0-9_./@-]{1,60}){0,5}", re.ASCII)
_EMPTY: Final = "nothing behind it"
_PRIVATE: Final = "something else, which is not shown"


@dataclass(frozen=True)
class Section:
    """A mapping at a key, whose fields are read by name. Shares its list of problems with its own sections."""

    key: str
    values: Mapping[str, Any]
    problems: list[Problem] = field(default_factory=list)
    fallbacks: Mapping[str, Any] = field(default_factory=dict)
    """What holds for a field that is not there."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """The full keys at which that was written, where it was: what is no such value is told there, once."""
    is_private: bool = False
    """Whether no problem may repeat a value of it: people put passwords there."""
    shape: Shape | None = None
    """Where what is read is written down, if anywhere."""

    def at(self, name: str) -> str:
        """The full key of a field."""
        return f"{self.key}{name}" if self.key.endswith(":") else f"{self.key}.{name}"

    def value(self, name: str) -> Any:
        """What stands at a field, else what holds without it; None where there is neither, or nothing behind it."""
        return self.values[name] if name in self.values else self.fallbacks.get(name)

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self.value(name) is not None

    def note(self, name: str, found: str, allowed: str, cure: str) -> None:
        """Notes a problem with a field."""
        self.problems.append(Problem(self.at(name), found, allowed, cure))

    def note_where_written(self, name: str, found: str, allowed: str, cure: str) -> None:
        """Notes a problem with what holds for a field, at the key where somebody wrote it."""
        self.problems.append(Problem(self._written_at(name), found, allowed, cure))

    def _written_at(self, name: str) -> str:
        """The full key at which what holds for a field was written."""
        own = re.split(r"[.\[]", name, maxsplit=1)[0]
        is_elsewhere = own not in self.values and own in self.origins
        return f"{self.origins[own]}{name[len(own) :]}" if is_elsewhere else self.at(name)

    def is_well(self, name: str) -> bool:
        """Whether no problem was noted with a field, or below it."""
        key = self.at(name)
        return not any(
            problem.key == key or problem.key.startswith((f"{key}.", f"{key}[")) for problem in self.problems
        )

    def known(self, *names: str, elsewhere: Mapping[str, str] | None = None) -> None:
        """Notes every key that is none of these, with the nearest that is; and those that hold nothing.

        A key with nothing behind it is not the same as no key: somebody meant to write something there. elsewhere: what
        people write here that belongs to another place, and a cure that names it.
        """
        if self.shape is not None:
            self.shape.close(self.key, names)
        for name, value in self.values.items():
            if name in names and value is None:
                self.note(name, _EMPTY, "a value, or no such key", "write its value behind it, or remove the line")
            elif name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                cure = f"did you mean {near[0]}?" if near else "remove it, nothing reads it"
                cure = {key.lower(): words for key, words in (elsewhere or {}).items()}.get(name.lower(), cure)
                self.note(name, "an unknown key", ", ".join(sorted(names)), cure)

    def once(self, name: str, texts: Sequence[str], why: str = "") -> None:
        """Notes each text that is there more than once, whatever its case; empty ones do not count."""
        for text, count in Counter(text.lower() for text in texts if text).items():
            if count > 1:
                cure = f"leave all but one out{f': {why}' if why else ''}"
                self.note(name, f"{text} {count} times", "each once", cure)

    def reads(self, name: str, schema: Schema, *, required: bool = False) -> None:
        """Writes down that a field is read, and what JSON Schema can say of it."""
        if self.shape is not None:
            self.shape.add(self.key, name, schema, required=required and name not in self.fallbacks)

    def text(self, name: str, kind: TextKind) -> str:
        """A required text of a kind."""
        self.reads(name, kind.json_schema, required=True)
        return self._text(name, kind)

    def _text(self, name: str, kind: TextKind) -> str:
        value = self.value(name)
        if isinstance(value, str) and kind.check(value):
            return value
        self._refuse(name, name, value, kind)
        return ""

    def optional_text(self, name: str, kind: TextKind) -> str | None:
        """A text that may be absent."""
        self.reads(name, kind.json_schema)
        return self._text(name, kind) if self.has(name) else None

    def integer(self, name: str, kind: NumberKind, *, always: bool = True) -> int:
        """A required whole number within bounds. always: whether no other field may stand instead of it."""
        self.reads(name, kind.json_schema, required=always)
        value = self.value(name)
        if kind.is_one(value):
            return int(value)
        self._refuse(name, name, value, kind)
        return kind.low

    def optional_integer(self, name: str, kind: NumberKind) -> int | None:
        """A whole number within bounds that may be absent."""
        self.reads(name, kind.json_schema)
        return self.integer(name, kind, always=False) if self.has(name) else None

    def flag(self, name: str) -> bool:
        """A required true or false."""
        self.reads(name, {"type": "boolean"}, required=True)
        return self._flag(name)

    def _flag(self, name: str) -> bool:
        value = self.value(name)
        if isinstance(value, bool):
            return value
        found, cure = self._quoted(name, value), usual_cure(value, "truth")
        self.problems.append(Problem(self._written_at(name), found, "true or false", cure))
        return False

    def optional_flag(self, name: str) -> bool:
        """True or false; false where it is left out."""
        self.reads(name, {"type": "boolean"})
        return self.has(name) and self._flag(name)

    def texts(self, name: str, kind: TextKind, most: int = MOST_ITEMS) -> list[str]:
        """A list of texts of a kind, at most so many; absent means empty."""
        self.reads(name, {"type": "array", "maxItems": most, "items": kind.json_schema})
        items = self._list(name, f"a list, each item {kind.allowed}", most)
        for index, value in enumerate(items):
            if not (isinstance(value, str) and kind.check(value)):
                self._refuse(f"{name}[{index}]", name, value, kind)
        return [value for value in items if isinstance(value, str)]

    def pairs(self, name: str, key_kind: TextKind, value_kind: TextKind, *, is_private: bool = False) -> dict[str, str]:
        """A mapping of texts; absent means empty."""
        section = self.section(name, is_private=is_private)
        self.reads(name, {"type": "object", "additionalProperties": value_kind.json_schema})
        for key, value in section.values.items():
            if not key_kind.check(key):
                section.note(key, "such a key", key_kind.allowed, key_kind.cure(key))
            elif not (isinstance(value, str) and value_kind.check(value)):
                section._refuse(key, key, value, value_kind)
        return {key: value for key, value in section.values.items() if isinstance(value, str)}

    def section(self, name: str, *, is_private: bool = False) -> "Section":
        """A mapping at a field; absent means empty."""
        self.reads(name, {"type": "object"})
        is_private = is_private or self.is_private
        value = self.value(name)
        if value is not None and not _is_mapping(value):
            found = _PRIVATE if is_private else self._quoted(name, value)
            self.note(name, found, MAPPING, usual_cure(value, "mapping"))
        return self._inner(name, value if _is_mapping(value) else {}, is_private=is_private)

    def sections(self, name: str, most: int = MOST_ITEMS) -> "list[Section]":
        """A list of mappings at a field, at most so many; absent means empty."""
        self.reads(name, {"type": "array", "maxItems": most, "items": {"type": "object"}})
        sections = []
        for index, value in enumerate(self._list(name, LIST_OF_MAPPINGS, most)):
            if _is_mapping(value):
                sections.append(self._inner(f"{name}[{index}]", value, is_private=self.is_private))
            else:
                self.note(f"{name}[{index}]", self._quoted(name, value), MAPPING, usual_cure(value, "mapping"))
        return sections

    def _inner(self, name: str, values: Mapping[str, Any], *, is_private: bool) -> "Section":
        return Section(self.at(name), values, self.problems, is_private=is_private, shape=self.shape)

    def _list(self, name: str, allowed: str, most: int) -> Sequence[Any]:
        value = self.value(name)
        if value is None:
            return []
        if not isinstance(value, list):
            is_text_wanted = allowed != LIST_OF_MAPPINGS and self._quoted(name, value) != _PRIVATE
            shown = value if is_text_wanted or isinstance(value, dict) else None
            found = self._quoted(name, value)
            self.problems.append(Problem(self._written_at(name), found, allowed, usual_cure(shown, "list")))
            return []
        if len(value) > most:
            self.note(name, f"{len(value)} of them", f"at most {most}", "leave some out")
        return value[:most]

    def _refuse(self, at: str, name: str, value: object, kind: TextKind | NumberKind) -> None:
        """Notes a value that is none of its kind."""
        found = self._quoted(name, value)
        cure = "write a text, in quotes" if found == _PRIVATE and not isinstance(value, str) else kind.cure_for(value)
        self.problems.append(Problem(self._written_at(at), found, kind.allowed, cure))

    def _quoted(self, name: str, value: object) -> str:
        """A value, unless its name says that it is a password."""
        named = f'"{name}": {quoted(value)}'
        is_secret = self.is_private or without_secrets(named) != named
        return _PRIVATE if is_secret and value is not None else quoted(value)


def without_echoes(problems: Sequence[Problem]) -> list[Problem]:
    """Without what follows from another problem: notes of keys that hold nothing where a reader has said the same in
    words that fit better, and what is missing in a mapping that is none.
    """
    told = {problem.key for problem in problems if problem.found != _EMPTY}
    none = tuple(f"{problem.key}." for problem in problems if problem.allowed == MAPPING or problem.found == _EMPTY)
    return [
        problem
        for problem in problems
        if not (problem.found == _EMPTY and problem.key in told)
        and not (problem.found == NOTHING and problem.key.startswith(none))
    ]


def _is_mapping(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict) and all(isinstance(key, str) for key in value)


def usual_cure(value: object, wanted: str) -> str:
    """What helps most people who wrote this value where a truth, a list or a mapping is wanted."""
    if wanted == "truth":
        return "write true or false" + ("" if value is None else ", without quotes")
    if wanted == "list" and isinstance(value, dict) and not all(map(_is_mapping, value.values())):
        return "put `- ` before its first line: it is one item of the list"
    if (
        wanted == "list"
        and isinstance(value, str)
        and _PLAIN_ITEMS.fullmatch(value)
        and without_secrets(value) == value
    ):
        return f"write [{value}]"
    if wanted == "list":
        return "write [one, two], or each item on a line of its own behind `- `"
    return "write `key: value` pairs below it"
