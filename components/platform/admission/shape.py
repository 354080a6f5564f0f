"""The parts of a tree that says what an object may be: whatever it does not name is refused. Pure; knows no pod.

Conditions are CEL. `{v}` in them is the value that they judge, `{it}` in a Rule the object that holds the fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

_TEXT: Final = "{v}"


@dataclass(frozen=True)
class Value:
    """A field without fields of its own."""

    holds: str
    """CEL over {v}: whether the value is allowed."""
    allowed: str
    """The same in words."""
    required: bool = False
    """Whether the field must be there."""
    shown: str = "string({v})"
    """CEL over {v}: the value as a text."""


@dataclass(frozen=True)
class Rule:
    """What the fields of one object must be to each other."""

    name: str
    """The field that is to blame, as it goes on after the object's own name."""
    holds: str
    """CEL over {it}."""
    shown: str
    """CEL over {it}: what was found, as a text."""
    allowed: str
    """The same as holds, in words."""


@dataclass(frozen=True)
class Fields:
    """An object: these fields and no others."""

    fields: Mapping[str, "Node"]
    rules: tuple[Rule, ...] = ()
    required: bool = False


@dataclass(frozen=True)
class Entries:
    """A mapping: these keys and no others, each with its value."""

    entries: Mapping[str, Value]
    rules: tuple[Rule, ...] = ()
    required: bool = False


@dataclass(frozen=True)
class Each:
    """A list of objects of one shape."""

    item: Fields
    most: int
    required: bool = False
    named_by: str = field(default="name")
    """The field whose value tells one item from another in a message; "" where there is none."""


Node: TypeAlias = Value | Fields | Entries | Each


def text(value: str) -> str:
    """A CEL string."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def texts(values: "list[str] | tuple[str, ...]") -> str:
    """A CEL list of strings."""
    return f"[{', '.join(map(text, values))}]"


def anything() -> Value:
    """Whatever the API server itself accepts."""
    return Value("true", "anything")


def exactly(value: str | int | bool, *, required: bool = False) -> Value:
    """One value."""
    if isinstance(value, bool):
        return Value(f"{{v}} == {str(value).lower()}", str(value).lower(), required)
    if isinstance(value, int):
        return Value(f"{{v}} == {value}", str(value), required)
    return Value(f"{{v}} == {_braced(text(value))}", value, required, _TEXT)


def one_of(*values: str, required: bool = False) -> Value:
    """One of these texts."""
    return Value(f"{{v}} in {_braced(texts(values))}", " or ".join(values), required, _TEXT)


def number(low: int, high: int, *, required: bool = False) -> Value:
    """A whole number within bounds."""
    return Value(f"{low} <= {{v}} && {{v}} <= {high}", f"{low} to {high}", required)


def quantity(most: str = "", *, required: bool = True) -> Value:
    """A quantity of CPU, memory or storage, at most so much where a bound is given."""
    holds = f"quantity({{v}}).compareTo(quantity({text(most)})) <= 0" if most else "true"
    return Value(holds, f"at most {most}" if most else "a quantity", required)


def matching(pattern: str, allowed: str, *, required: bool = False) -> Value:
    """A text that a regular expression (RE2) matches; anchor it."""
    return Value(f"{{v}}.matches({_braced(text(pattern))})", allowed, required, _TEXT)


def words(*values: str, required: bool = False) -> Value:
    """A list of exactly these texts."""
    return Value(f"{{v}} == {_braced(texts(values))}", " ".join(values), required, "{v}.join(' ')")


def _braced(expression: str) -> str:
    """An expression in which braces are no places of str.format."""
    return expression.replace("{", "{{").replace("}", "}}")
