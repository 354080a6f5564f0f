"""Runner groups at GitHub: what a grant's group is among those that an organization has."""

from collections.abc import Iterable, Mapping
from typing import Any


def group_named(groups: Iterable[Mapping[str, Any]], name: str | None) -> Mapping[str, Any] | None:
    """The group of that name among GitHub's `runner_groups`, None: the default one. None where there is no such."""
    for group in groups:
        if group.get("default") if name is None else group.get("name") == name:
            return group
    return None


def group_names(groups: Iterable[Mapping[str, Any]]) -> str:
    """The names of GitHub's `runner_groups`, for a problem."""
    return ", ".join(str(group.get("name")) for group in groups)
