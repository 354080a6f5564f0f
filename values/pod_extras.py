"""PodExtras: what an environment lets its pods have beyond what every pool has; what it does not name is refused."""

from typing import TypedDict

from values.cache import Cache


class PodExtras(TypedDict):
    """Names that pods of one namespace may use; an empty list lets them have nothing of the kind."""

    pull_secrets: list[str]
    """Secrets of the namespace that hold what registries ask for: `imagePullSecrets`."""
    variables: list[str]
    """Environment variables of jobs, with any value."""
    runtime_classes: list[str]
    """RuntimeClasses of the cluster."""
    priority_classes: list[str]
    """PriorityClasses of the cluster."""
    proxy: bool
    """Whether they may be told of a proxy."""
    caches: list[Cache]
    """Claims of the namespace that they may mount."""


def no_extras() -> PodExtras:
    """What an environment grants that is silent."""
    return {
        "pull_secrets": [],
        "variables": [],
        "runtime_classes": [],
        "priority_classes": [],
        "proxy": False,
        "caches": [],
    }
