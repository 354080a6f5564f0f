"""Kinds of fields: what may stand there, in words and for editors, and what helps whoever wrote something else."""

import difflib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from values.quantity import Quantity

# As people write one, as Go does (1h30m0s), and as ISO 8601 does (PT1H30M).
_COUNT: Final = r"(\d{1,7}(?:[.,]\d{1,3})?) ?"
_DURATION: Final = re.compile(
    rf"p?(?:{_COUNT}w(?:(?:ee)?ks?)?)? ?(?:{_COUNT}d(?:ays?)?)? ?t?(?:{_COUNT}h(?:(?:ou)?rs?)?)? ?"
    rf"(?:{_COUNT}m(?:in(?:ute)?s?)?)? ?(?:{_COUNT}s(?:ec(?:ond)?s?)?)?",
    re.ASCII | re.IGNORECASE,
)
_SECONDS_OF_EACH: Final = (604800, 86400, 3600, 60, 1)
_DIGITS: Final = re.compile(r"-?[0-9]{1,18}", re.ASCII)
SECONDS: Final = "seconds"


@dataclass(frozen=True)
class TextKind:
    """check: whether a text is one. cure: what helps who wrote a text that is none. schema: what JSON Schema knows."""

    check: Callable[[str], bool]
    allowed: str
    cure: Callable[[str], str]
    schema: Mapping[str, Any] = field(default_factory=dict)

    @property
    def json_schema(self) -> dict[str, Any]:
        """For editors."""
        return {"type": "string", **self.schema, "description": self.allowed}

    def cure_for(self, value: object) -> str:
        """What helps whoever wrote this value, which is none."""
        if value is None:
            return self.cure("")
        written = json.dumps(value) if isinstance(value, bool | int | float) else ""
        if written and self.check(written):
            return f'write "{written}", in quotes'
        if isinstance(value, list | dict):
            return f"write one text here: {self.cure('')}"
        return self.cure(written or str(value))


def text_kind(
    check: Callable[[str], bool], allowed: str, cure: str, schema: Mapping[str, Any] | None = None
) -> TextKind:
    """A kind whose cure is the same whatever was written."""
    return TextKind(check, allowed, lambda _: cure, schema or {})


def choice(values: Sequence[str], cure: str = "") -> TextKind:
    """One of a few words."""

    def nearest(text: str) -> str:
        near = difflib.get_close_matches(text.strip().lower(), values, n=1)
        return cure or (f"did you mean {near[0]}?" if near else f"write {' or '.join(values)}")

    return TextKind(values.__contains__, " or ".join(values), nearest, {"enum": list(values)})


def quantity(kind: Quantity) -> TextKind:
    """An amount of CPU, memory or storage."""

    def cure(text: str) -> str:
        if meant := kind.meant(text):
            return f"write {' or '.join(map(json.dumps, meant))}{', whichever you mean' if len(meant) > 1 else ''}"
        return f"write e.g. {kind.example}" + (f": {kind.what_is_wrong(text)}" if text else "")

    return TextKind(kind.is_one, kind.allowed, cure, {"pattern": kind.pattern})


@dataclass(frozen=True)
class NumberKind:
    """A whole number from low to high, of units that a message names. hint: what else helps out of these bounds."""

    low: int
    high: int
    unit: str = ""
    hint: str = ""

    @property
    def allowed(self) -> str:
        """In words."""
        of_unit = f" of {self.unit}" if self.unit else ""
        return (
            f"a whole number{of_unit} from {self.low} to {self.high}{_days(self.high) if self.unit == SECONDS else ''}"
        )

    @property
    def json_schema(self) -> dict[str, Any]:
        """For editors."""
        return {"type": "integer", "minimum": self.low, "maximum": self.high, "description": self.allowed}

    def is_one(self, value: object) -> bool:
        """Whether it is one; true is no number."""
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high

    def cure_for(self, value: object) -> str:
        """What helps whoever wrote this value, which is none."""
        meant = self._meant(value)
        if meant is not None and self.is_one(meant):
            return f"write {meant}" + (", without quotes" if isinstance(value, str) else "")
        bounds = f"write {self.low}" if self.low == self.high else f"write a number from {self.low} to {self.high}"
        return f"{bounds}{f'; {self.hint}' if self.hint else ''}"

    def _meant(self, value: object) -> int | None:
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if not isinstance(value, str):
            return None
        if _DIGITS.fullmatch(value):
            return int(value)
        match = _DURATION.fullmatch(value.strip()) if self.unit == SECONDS else None
        if match is None or not any(match.groups()):
            return None
        counts = zip(match.groups(), _SECONDS_OF_EACH, strict=True)
        seconds = sum(Decimal(count.replace(",", ".")) * factor for count, factor in counts if count)
        return int(seconds) if seconds == int(seconds) else None


def _days(seconds: int) -> str:
    """What a large number of seconds is in words."""
    days, rest = divmod(seconds, 86400)
    return "" if rest or not days else f" ({days} days)" if days > 1 else " (a day)"
