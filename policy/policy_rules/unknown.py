"""What a preview cannot know yet: a value that another resource gives only in `up`. Nobody can judge it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

Path = tuple[str | int, ...]

# Stands in a pattern for each item of a list and each key of a mapping.
EACH: Final = "*"


class Unknown:
    """The type of UNKNOWN."""

    def __repr__(self) -> str:
        return "a value that is not known before `up`"


UNKNOWN: Final = Unknown()


def unknown_paths(value: object, path: Path = ()) -> Iterator[Path]:
    """Where UNKNOWN stands in a tree."""
    if isinstance(value, Unknown):
        yield path
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from unknown_paths(part, (*path, str(key)))
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for index, part in enumerate(value):
            yield from unknown_paths(part, (*path, index))


def meets(path: Path, pattern: Path) -> bool:
    """Whether one leads through the other: an unknown list hides its items, and an unknown item its parent's sum."""
    return all(wanted in (EACH, step) for step, wanted in zip(path, pattern, strict=False))


def show(path: Path) -> str:
    """For people: `spec.containers[0].image`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def has_unknown(value: Any) -> bool:
    """Whether anything in it is not known."""
    return next(unknown_paths(value), None) is not None
