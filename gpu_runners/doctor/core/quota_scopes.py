"""Which of a namespace's ResourceQuotas count a pool's pods: one with scopes counts those alone that match all. Pure.

As Kubernetes decides (pkg/quota/v1/evaluator/core/pods.go). Pods of pools ask for resources, have no deadline of their
own and no affinity.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_MATCHED: Final = ("NotTerminating", "NotBestEffort")
_PRIORITY: Final = "PriorityClass"


@dataclass(frozen=True)
class Wish:
    """What all pods of a pool ask of a quota: resource to devices. priority_class: "" for the cluster's default."""

    pool: str
    devices: Mapping[str, int] = field(default_factory=dict)
    priority_class: str = ""


def by_wishes(
    quotas: Iterable[Mapping[str, Any]], wishes: Sequence[Wish]
) -> list[tuple[list[Wish], list[Mapping[str, Any]]]]:
    """The quotas that count the same pools, with these; where none counts any, all pools without a quota."""
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for quota in quotas:
        counted = tuple(wish.pool for wish in wishes if _counts(quota, wish))
        if counted:
            groups.setdefault(counted, []).append(quota)
    if not groups:
        return [(list(wishes), [])]
    return [([wish for wish in wishes if wish.pool in names], listed) for names, listed in groups.items()]


def wanted(wishes: Iterable[Wish]) -> dict[str, int]:
    """All devices together, by resource."""
    devices: Counter[str] = Counter()
    for wish in wishes:
        devices.update(wish.devices)
    return dict(devices)


def _counts(quota: Mapping[str, Any], wish: Wish) -> bool:
    spec = quota.get("spec") or {}
    plain = [{"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ()]
    selected = (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    return all(_matches(requirement, wish) for requirement in (*plain, *selected))


def _matches(requirement: Mapping[str, Any], wish: Wish) -> bool:
    scope, operator = requirement.get("scopeName"), requirement.get("operator")
    if scope != _PRIORITY:
        return scope in _MATCHED
    if operator in ("Exists", "DoesNotExist"):
        return bool(wish.priority_class) is (operator == "Exists")
    return (wish.priority_class in (requirement.get("values") or ())) is (operator == "In")
