"""Compares values as people see them: elements of lists by their names, not by their places."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from gpu_runners.review.core.field_path import MISSING, Item, Path

# What tells the elements of a list apart, if each has one and no two the same.
_KEYS: Final = ("name", "mountPath", "containerPort")

Difference = tuple[Path, Any, Any]


def first_list(path: Path) -> Path:
    """The path up to the first list that it leads into; the whole path if there is none."""
    return next((path[:index] for index, step in enumerate(path) if isinstance(step, int)), path)


def differences(before: Any, after: Any, path: Path = ()) -> Iterator[Difference]:
    """Where two values differ: path, value before, value after; MISSING on the side that has none."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from differences(before.get(key, MISSING), after.get(key, MISSING), (*path, key))
        return
    key = _key(before, after)
    if not key:
        yield path, before, after
        return
    old, new = ({element[key]: element for element in side} for side in (before, after))
    for name in sorted({*old, *new}, key=str):
        here = (*path, Item(((key, name),)))
        yield from differences(old.get(name, MISSING), new.get(name, MISSING), here)


def without_common(before: Any, after: Any) -> tuple[Any, Any]:
    """Of two lists, only the elements that the other lacks."""
    if not (isinstance(before, list) and isinstance(after, list)):
        return before, after
    removed = [element for element in before if element not in after]
    added = [element for element in after if element not in before]
    return (removed or MISSING, added or MISSING) if removed or added else (before, after)


def _key(before: Any, after: Any) -> str:
    if not (isinstance(before, list) and isinstance(after, list)):
        return ""
    return next((key for key in _KEYS if _tells_apart(key, before) and _tells_apart(key, after)), "")


def _tells_apart(key: str, elements: Sequence[Any]) -> bool:
    values = [element.get(key) if isinstance(element, dict) else None for element in elements]
    return None not in values and len(set(values)) == len(values)
