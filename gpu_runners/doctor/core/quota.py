"""Whether a namespace's quota lets the pools of a stack in. Pure."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from gpu_runners.doctor.core.findings import Finding, failed, ok
from gpu_runners.doctor.core.nodes import Amount, as_quantity


def granted(check: str, wanted: Mapping[str, int], quotas: Iterable[Mapping[str, Any]], amount: Amount) -> Finding:
    """wanted: resource to devices of all replicas of one namespace; quotas: its ResourceQuotas as JSON."""
    hard: dict[str, Decimal] = {}
    for quota in quotas:
        for key, text in quota.get("spec", {}).get("hard", {}).items():
            name = key.removeprefix("requests.")
            hard[name] = min(hard.get(name, amount(text)), amount(text))
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
    limits = {name: as_quantity(hard[name]) if name in hard else "no limit" for name in wanted}
    within = ", ".join(f"{count} {name} of {limits[name]}" for name, count in wanted.items())
    return ok(check, f"the quota grants {within or 'what pools without GPUs need'}")
