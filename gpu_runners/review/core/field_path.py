"""Where a field is in an object, in the two notations that tell of it: Pulumi's and Kubernetes' field ownership."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


class Missing:
    """The type of MISSING: a field that an object does not have, which is not the same as null."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()


@dataclass(frozen=True)
class Item:
    """One element of a list, found by the values of its keys, e.g. `name` of a container."""

    by: tuple[tuple[str, Any], ...]

    def fits(self, element: object) -> bool:
        """Whether an element is this one; a key that it leaves out has the API server's default, TCP."""
        return isinstance(element, Mapping) and all(
            element.get(key, "TCP" if key == "protocol" else None) == value for key, value in self.by
        )


Path = tuple[str | int | Item, ...]

_TOKEN: Final = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|\.?([^.\[\]]+)')


def parse(text: str) -> Path:
    """Pulumi's notation, e.g. `spec.containers[0].resources.limits["nvidia.com/gpu"]`."""
    steps: list[str | int] = []
    for quoted, index, plain in _TOKEN.findall(text):
        steps.append(json.loads(f'"{quoted}"') if quoted else int(index) if index else plain)
    return tuple(steps)


def show(path: Path) -> str:
    """For people: `spec.containers[runner].env[HOME].value`."""
    text = ""
    for step in path:
        if isinstance(step, Item):
            text += f"[{','.join(str(value) for _, value in step.by)}]"
        elif isinstance(step, int):
            text += f"[{step}]"
        elif "." in step or "/" in step:
            text += f'["{step}"]'
        else:
            text += f".{step}" if text else step
    return text


def look_up(tree: object, path: Path) -> Any:
    """The value at a path, or MISSING."""
    steps = concrete(tree, path)
    if steps is None:
        return MISSING
    value: Any = tree
    for step in steps:
        value = _child(value, step)
    return value


def concrete(tree: object, path: Path) -> tuple[str | int, ...] | None:
    """The path with indices in place of keyed elements, None where an element is not there. () is the whole tree."""
    steps: list[str | int] = []
    here: Any = tree
    for step in path:
        place: str | int = ""
        if isinstance(step, Item):
            if not isinstance(here, list):
                return None
            index = next((number for number, element in enumerate(here) if step.fits(element)), None)
            if index is None:
                return None
            place = index
        else:
            place = step
        steps.append(place)
        here = _child(here, place)
    return tuple(steps)


def named(tree: object, path: Path) -> Path:
    """The path with names in place of indices, where the elements of a list have names."""
    steps: list[str | int | Item] = []
    here: Any = tree
    for step in path:
        here = look_up(here, (step,))
        name = here.get("name") if isinstance(step, int) and isinstance(here, Mapping) else None
        steps.append(Item((("name", name),)) if isinstance(name, str) else step)
    return tuple(steps)


def overlaps(path: Path, other: Path) -> bool:
    """Whether one path leads through the other."""
    length = min(len(path), len(other))
    return path[:length] == other[:length]


def _child(tree: Any, step: str | int) -> Any:
    if isinstance(tree, Mapping):
        return tree.get(step, MISSING)
    if isinstance(tree, list) and isinstance(step, int) and step < len(tree):
        return tree[step]
    return MISSING
