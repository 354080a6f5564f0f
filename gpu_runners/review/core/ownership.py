"""Reads `metadata.managedFields`: who owns which field of an object, since when. It proves nothing."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gpu_runners.review.core.field_path import Item, Path

PULUMI_PREFIX: Final = "pulumi-kubernetes"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A field that a manager owns. `whole`: the manager made this element or section itself, not only a part of it."""

    path: Path
    manager: str
    operation: str  # Apply or Update
    subresource: str
    time: str
    whole: bool

    @property
    def who(self) -> str:
        """As people are told: the manager, and the subresource it used."""
        return f"{self.manager} ({self.subresource})" if self.subresource else self.manager


def claims(live: Mapping[str, Any]) -> Iterator[Claim]:
    """Every field that is owned by name, Pulumi's too."""
    for entry in live.get("metadata", {}).get("managedFields") or ():
        for path, whole in _leaves((), entry.get("fieldsV1") or {}):
            yield Claim(
                path=path,
                manager=entry.get("manager", ""),
                operation=entry.get("operation", ""),
                subresource=entry.get("subresource", ""),
                time=entry.get("time", ""),
                whole=whole,
            )


def owner(live: Mapping[str, Any], path: Path, *, exists: bool) -> Claim | None:
    """Who wrote a field last, as far as ownership tells; Pulumi only where nobody else claims it.

    Of a field that is gone, only who owns a list as a whole can be told.
    """
    owners = [
        claim
        for claim in claims(live)
        if claim.path == path[: len(claim.path)] or (exists and path == claim.path[: len(path)])
    ]
    others = [claim for claim in owners if not claim.manager.startswith(PULUMI_PREFIX)]
    if not exists:
        owners = []
    return max(others or owners, key=lambda claim: claim.time, default=None)


def _leaves(path: Path, fields: Mapping[str, Any]) -> Iterator[tuple[Path, bool]]:
    if "." in fields and path and isinstance(path[-1], Item):
        yield path, True  # the element itself: its parts need no rows of their own
        return
    parts = [(key, value) for key, value in fields.items() if key != "."]
    if not parts:
        yield path, True
    for key, value in parts:
        kind, _, rest = key.partition(":")
        if kind == "f":
            yield from _leaves((*path, rest), value)
        elif kind == "k":
            yield from _leaves((*path, Item(tuple(sorted(json.loads(rest).items())))), value)
        else:  # v: a value of a set, i: an index; the list as a whole is what people know
            yield path, False
