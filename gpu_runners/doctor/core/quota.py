"""Whether a namespace's quota lets the pools of a stack in. Pure."""

from collections.abc import Container, Iterable, Mapping
from decimal import Decimal
from typing import Any

from gpu_runners.doctor.core.findings import Finding, failed, ok
from gpu_runners.doctor.core.nodes import Amount, as_quantity
from values.contract import POOL_LABEL


def granted(
    check: str,
    wanted: Mapping[str, int],
    quotas: Iterable[Mapping[str, Any]],
    amount: Amount,
    own: Mapping[str, Decimal] | None = None,
) -> Finding:
    """wanted: resource to devices of all replicas of one namespace; quotas: its ResourceQuotas as JSON; own: what the
    stack's own pods there use of it already, None where nobody could tell; then all of it counts as theirs.
    """
    hard: dict[str, Decimal] = {}
    others: dict[str, Decimal] = {}
    for quota in quotas:
        used = quota.get("status", {}).get("used", {})
        for key, text in quota.get("spec", {}).get("hard", {}).items():
            name = key.removeprefix("requests.")
            hard[name] = min(hard.get(name, amount(text)), amount(text))
            foreign = amount(used.get(key, "0")) - own.get(name, Decimal(0)) if own is not None else Decimal(0)
            others[name] = max(others.get(name, Decimal(0)), foreign)
    short = [
        f"{count} {name} of {as_quantity(hard[name])}"
        for name, count in wanted.items()
        if name in hard and count > hard[name]
    ]
    if short:
        found = f"the stack's pools want {', '.join(short)} that the quota grants"
        return failed(
            check, found, "lower replicas or gpu.count, or raise the environment's quota in the platform stack"
        )
    taken = [
        f"{count} {name}, but others use {as_quantity(others[name])} of {as_quantity(hard[name])}"
        for name, count in wanted.items()
        if name in hard and count > hard[name] - others[name]
    ]
    if taken:
        cure = "release other pools of the namespace, which `kubectl get pods` there names, or raise its quota"
        return failed(check, f"the stack's pools want {', '.join(taken)}", cure)
    within = ", ".join(
        f"{count} {name} of {_left(name, hard, others) if name in hard else 'no limit'}"
        for name, count in wanted.items()
    )
    return ok(check, f"the quota grants {within or 'what pools without GPUs need'}")


def used_by(pods: Iterable[Mapping[str, Any]], pools: Container[str], amount: Amount) -> dict[str, Decimal]:
    """What the pods of these pools count for: the requests of those that have not ended, as a quota counts them."""
    used: dict[str, Decimal] = {}
    for pod in pods:
        is_own = (pod["metadata"].get("labels") or {}).get(POOL_LABEL) in pools
        if not is_own or pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
            continue
        for container in pod["spec"]["containers"]:
            for name, text in ((container.get("resources") or {}).get("requests") or {}).items():
                used[name] = used.get(name, Decimal(0)) + amount(text)
    return used


def _left(name: str, hard: Mapping[str, Decimal], others: Mapping[str, Decimal]) -> str:
    used = f", of which others use {as_quantity(others[name])}" if others[name] > 0 else ""
    return f"{as_quantity(hard[name])}{used}"
