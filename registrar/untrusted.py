"""The one parser for what others write: annotations, headers, queries, claims, a forge's answers. Pure and bounded.

Whatever comes in, each function returns within its bounds or raises MalformedError, and nothing else. Words for people
are cleaned and cut, never refused; ids and labels are refused, because something is done with them.
"""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, Final, NoReturn

from values.runner_label import MOST_LABELS, is_runner_label

LARGEST_ID: Final = 2**63 - 1  # what both forges keep their ids in
MOST_ENTRIES: Final = 10_000  # of one list within one answer
LONGEST_WORDS: Final = 512
LONGEST_LABEL: Final = 256  # that a forge has; our own are shorter
_DIGITS: Final = re.compile(r"[0-9]{1,19}", re.ASCII)
_JOB_ID: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,100}/){0,2}[1-9][0-9]{0,18}", re.ASCII)


class MalformedError(ValueError):
    """What somebody wrote is not what it has to be; the message quotes at most a few characters of it."""


def identifier(value: object) -> int:
    """An id: a whole number from 1 on, or its ASCII digits. Raises MalformedError."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_ID:
        return value
    raise MalformedError(f"{_quoted(value)} is no id")


def identifier_or_none(value: object) -> int | None:
    """An id, None for anything else."""
    try:
        return identifier(value)
    except MalformedError:
        return None


def job_id(text: object) -> str | None:
    """A job's id: `number`, `repository/number` or `owner/repository/number`. None for anything else."""
    if not isinstance(text, str) or not _JOB_ID.fullmatch(text):
        return None
    return None if {".", ".."} & set(text.split("/")) else text


def runner_labels(text: object) -> tuple[str, ...]:
    """Comma separated runner labels, blanks around them dropped. Raises MalformedError."""
    if not isinstance(text, str) or len(text) > MOST_LABELS * 130:
        raise MalformedError(f"{_quoted(text)} is no list of runner labels")
    labels = tuple(dict.fromkeys(label.strip(" ") for label in text.split(",") if label.strip(" ")))
    if len(labels) > MOST_LABELS:
        raise MalformedError(f"{len(labels)} runner labels; allowed: {MOST_LABELS}")
    for label in labels:
        if not is_runner_label(label):
            raise MalformedError(f"{_quoted(label)} is no runner label")
    return labels


def words(value: object, *, most: int = LONGEST_WORDS) -> str:
    """Words for people: one line of printable characters, cut. Anything that is no text is no words."""
    if not isinstance(value, str):
        return ""
    if len(value) <= most and value.isprintable() and "  " not in value:
        return value.strip(" ")  # as nearly all are, of thousands
    line = " ".join("".join(c if c.isprintable() else " " for c in value[: 4 * most]).split())
    return line if len(line) <= most and len(value) <= 4 * most else f"{line[: most - 1]}…"


def seconds(text: object, *, most: float) -> float | None:
    """A wait that another asks for, in whole seconds and at most `most`; None where it is none."""
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{1,12}", text, re.ASCII):
        return None
    return min(float(text), most)


def document(body: bytes | str) -> Any:
    """Decoded JSON without NaN. Raises MalformedError, for one that is nested too deeply as well."""
    try:
        return json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"it is no JSON that can be used ({type(error).__name__})") from error


class Entry:
    """One JSON object of an answer, read field by field. Raises MalformedError."""

    def __init__(self, value: object) -> None:
        if not isinstance(value, Mapping):
            raise MalformedError(f"{_quoted(value)} is no object")
        self._value: Mapping[str, Any] = value

    @property
    def mapping(self) -> Mapping[str, Any]:
        """All of its fields, as they came."""
        return self._value

    def only(self, keys: Collection[str]) -> "Entry":
        """The same without what is never read."""
        return Entry({key: self._value[key] for key in keys if key in self._value})

    def identifier(self, key: str) -> int:
        """An id that has to be there."""
        if key not in self._value:
            raise MalformedError(f"it has no {key!r}")
        return identifier(self._value[key])

    def identifier_or_none(self, key: str) -> int | None:
        """An id, None where there is none (0 and null are none)."""
        return identifier_or_none(self._value.get(key))

    def text(self, key: str) -> str:
        """A text that has to be there as it is, e.g. a secret."""
        value = self._value.get(key)
        if not isinstance(value, str) or not value:
            raise MalformedError(f"it has no text {key!r}")
        return value

    def words(self, key: str, *, most: int = LONGEST_WORDS) -> str:
        """Words, "" where there are none."""
        return words(self._value.get(key), most=most)

    def flag(self, key: str, *, default: bool = False) -> bool:
        """A truth value; anything else counts as the default."""
        value = self._value.get(key, default)
        return value if isinstance(value, bool) else default

    def entry(self, key: str) -> "Entry":
        """An object that has to be there."""
        if key not in self._value:
            raise MalformedError(f"it has no {key!r}")
        return Entry(self._value[key])

    def values(self, key: str) -> list[Any]:
        """A list, empty where there is none (Go writes null for it)."""
        value = self._value.get(key) or []
        if not isinstance(value, list) or len(value) > MOST_ENTRIES:
            raise MalformedError(f"its {key!r} is no list of at most {MOST_ENTRIES}")
        return value

    def entries(self, key: str) -> list["Entry"]:
        """A list of objects."""
        return [Entry(value) for value in self.values(key)]

    def count(self, key: str) -> int:
        """A number from 0 on."""
        value = self._value.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_ID:
            return value
        raise MalformedError(f"its {key!r} is no number")

    def label_names(self, key: str) -> frozenset[str]:
        """Labels of a job or a runner: texts, or objects with a name. Those that are neither are left out.

        They are compared, so none is cleaned into another: one that cannot be seen whole is quoted, as no label is.
        """
        names = [value.get("name") if isinstance(value, Mapping) else value for value in self.values(key)]
        return frozenset(_label(name) for name in names[: 10 * MOST_LABELS] if isinstance(name, str))


def _label(name: str) -> str:
    text = name.strip(" ")
    if len(text) <= LONGEST_LABEL and text.isprintable():
        return text
    return words(ascii(text[:LONGEST_LABEL]), most=LONGEST_LABEL)


def _quoted(value: object) -> str:
    text = words(value, most=40) if isinstance(value, str) else type(value).__name__
    return repr(text)


def _no_number(constant: str) -> NoReturn:
    raise MalformedError(f"{constant} is no number of JSON")
