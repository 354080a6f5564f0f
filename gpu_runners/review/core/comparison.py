"""Compares two states of one object as its API does: keyed lists by key, sets without order, quantities by value.

How a list is told apart is the API server's word (`api_fields`); of a kind that is not written down there, a list is
one value. A default is the same as no word: the server would give it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gpu_runners.review.core.api_defaults import ALIASES, is_default
from gpu_runners.review.core.api_fields import FIELDS, KINDS
from gpu_runners.review.core.evidence import SECRET_KEY
from gpu_runners.review.core.field_path import MISSING, Item, Path
from gpu_runners.review.core.quantity import quantity

UNKNOWN: Final = "?"  # a field that the table does not have: a kind of somebody else's, or a newer API server's field


@dataclass(frozen=True)
class Difference:
    """Where two states differ; MISSING on the side that has nothing.

    `place` is the field in the table (`PodSpec.hostNetwork`), UNKNOWN for one that the table does not have.
    """

    path: Path
    before: Any
    after: Any
    place: str


Tolerates = Callable[[Difference], bool]


@dataclass(frozen=True)
class _Where:
    """A field: its path, its place in the table, and what that says it holds."""

    path: Path
    place: str
    holds: str

    def inner(self, name: str) -> "_Where":
        """A field of the mapping here; below one that the table does not have nothing is known."""
        kind, _, rest = self.holds.partition(" ")
        if kind == "each":
            return _Where((*self.path, name), self.place, rest)
        if not self.path and name == "metadata":
            return _Where((name,), UNKNOWN, "ObjectMeta")  # of any kind
        fields = FIELDS.get(self.holds, {})
        place = f"{self.holds}.{name}" if name in fields else UNKNOWN
        return _Where((*self.path, name), place, fields.get(name, UNKNOWN))

    def element(self, step: int | Item, holds: str) -> "_Where":
        """An element of the list here."""
        return _Where((*self.path, step), self.place, holds)


def kind_in_table(version: str, kind: str) -> str:
    """The table's word for a kind, UNKNOWN for one that it does not have."""
    return kind if f"{version} {kind}" in KINDS else UNKNOWN


def differences(
    holds: str, before: Any, after: Any, tolerates: Tolerates = lambda _: False, path: Path = ()
) -> Iterator[Difference]:
    """Every difference that is not tolerated; a value that the state has as a ciphertext differs only if it is gone.

    `holds` is the table's word for both, e.g. a kind or `PodSpec`, and `path` where they are.
    """
    yield from _differences(_Where(path, "", holds), before, after, tolerates)


def is_sealed(value: Any) -> bool:
    """Whether Pulumi wrote it into the state as a secret."""
    return isinstance(value, Mapping) and SECRET_KEY in value


def _differences(where: _Where, before: Any, after: Any, tolerates: Tolerates) -> Iterator[Difference]:
    before, after = (MISSING if side is None else side for side in (before, after))
    if _same(before, after) or (is_sealed(before) and after is not MISSING) or where.place in ALIASES:
        return
    if is_sealed(before):
        yield Difference(where.path, before, after, where.place)
        return
    kind, _, rest = where.holds.partition(" ")
    mappings = [isinstance(side, Mapping) for side in (before, after)]
    if all(mappings) or (kind == "each" and any(mappings) and MISSING in (before, after)):
        old, new = ({} if side is MISSING else side for side in (before, after))
        for name in sorted({*old, *new}, key=str):
            inner = (old.get(name, MISSING), new.get(name, MISSING))
            yield from _differences(where.inner(name), *inner, tolerates)
    elif kind == "map" and all(side is MISSING or isinstance(side, list) for side in (before, after)):
        keys, _, inside = rest.partition(" ")
        yield from _elements(where, keys.split(","), inside, (before, after), tolerates)
    elif not _are_equal(where, before, after, tolerates):
        difference = Difference(where.path, before, after, where.place)
        if not tolerates(difference):
            yield difference


def _elements(
    where: _Where, keys: Sequence[str], inside: str, sides: tuple[Any, Any], tolerates: Tolerates
) -> Iterator[Difference]:
    before, after = sides
    try:
        old, new = (_by_key(keys, [] if side is MISSING else side) for side in sides)
    except TypeError:  # an element without keys
        yield Difference(where.path, before, after, where.place)
        return
    for key in dict.fromkeys((*old, *new)):
        here = where.element(Item(tuple(sorted(zip(keys, key, strict=True)))), inside)
        mine, theirs = old.get(key, []), new.get(key, [])
        if max(len(mine), len(theirs)) == 1:
            inner = (mine[0] if mine else MISSING, theirs[0] if theirs else MISSING)
            yield from _differences(here, *inner, tolerates)
        # The API server takes some keys twice, and the last one counts.
        elif not _are_equal(where.element(0, f"list {inside}"), mine, theirs, tolerates):
            yield Difference(where.path, before, after, where.place)
            return


def _by_key(keys: Sequence[str], elements: Sequence[Any]) -> dict[tuple[Any, ...], list[Any]]:
    """Raises TypeError where an element is no mapping, or a key no plain value."""
    listed: dict[tuple[Any, ...], list[Any]] = {}
    for element in elements:
        if not isinstance(element, Mapping):
            raise TypeError(type(element).__name__)
        key = tuple(element.get(key, "TCP" if key == "protocol" else None) for key in keys)
        listed.setdefault(key, []).append(element)
    return listed


def _are_equal(where: _Where, before: Any, after: Any, tolerates: Tolerates) -> bool:
    """Of values that have no parts with names of their own."""
    if MISSING in (before, after):
        return is_default(where.place, where.holds, after if before is MISSING else before)
    kind, _, inside = where.holds.partition(" ")
    if kind == "q":
        numbers = quantity(before), quantity(after)
        return None not in numbers and numbers[0] == numbers[1]
    if not (isinstance(before, list) and isinstance(after, list)) or len(before) != len(after):
        return False
    if kind == "set":
        return sorted(map(repr, before)) == sorted(map(repr, after))
    return not any(
        next(_differences(where.element(index, inside or UNKNOWN), old, new, tolerates), None)
        for index, (old, new) in enumerate(zip(before, after, strict=True))
    )


def _same(before: Any, after: Any) -> bool:
    numbers = all(type(side) in (int, float) for side in (before, after))
    return before is after or ((type(before) is type(after) or numbers) and bool(before == after))
