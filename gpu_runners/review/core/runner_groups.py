"""Drift of runner groups at GitHub: one of the state that is not there any more. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from gpu_runners.review.core.evidence import Json
from gpu_runners.review.core.findings import Drift, Kind
from gpu_runners.review.core.foreign_text import words

TYPE: Final = "github:index/actionsRunnerGroup:ActionsRunnerGroup"


def declared_groups(state: Iterable[Json]) -> dict[str, Json]:
    """The runner groups of a state, by their number."""
    return {str(it["id"]): it for it in state if it.get("type") == TYPE and it.get("id")}


def drift(state: Iterable[Json], live: Iterable[Json] | None) -> list[Drift]:
    """`live` is what GitHub lists, None where it could not be read."""
    if live is None:
        return []
    there = list(live)
    numbers = {str(group.get("id")) for group in there}
    return [
        _deleted(number, resource, there)
        for number, resource in sorted(declared_groups(state).items())
        if number not in numbers
    ]


def _deleted(number: str, resource: Json, there: Iterable[Json]) -> Drift:
    inputs: Mapping[str, object] = resource.get("inputs") or {}
    name = str(inputs.get("name") or "")
    # One that differs in case alone is in its way, too.
    namesakes = [group for group in there if str(group.get("name")).lower() == name.lower()]
    urn = str(resource.get("urn", ""))
    live = "deleted"
    up = f"fails with 404 at the next change of it; `pulumi state delete '{urn}'`, then `pulumi up` makes it anew"
    if namesakes:
        live += f"; another one of this name is number {namesakes[0].get('id')}"
        up += " once the other one is deleted or renamed"
    return Drift(
        kind=Kind.DELETED,
        what=f"Runner group {words(name)} at GitHub",
        field="",
        declared=f"number {words(number)}",
        live=words(live),
        who="unknown: GitHub's audit log of the organization tells",
        when="unknown",
        up=up,
    )
