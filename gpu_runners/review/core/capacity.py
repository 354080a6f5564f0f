"""Devices per pool before and after the pending changes, and what they cost where somebody configured prices."""

from collections.abc import Mapping
from typing import Any, Final

from gpu_runners.review.core.evidence import Json
from gpu_runners.review.core.findings import Capacity
from values.contract import MOST_RUNNERS_ANNOTATION
from values.kubernetes_syntax import is_extended_resource

HOURS_PER_MONTH: Final = 730


def capacity(preview: Json, prices: Json) -> list[Capacity]:
    """Every pool whose number of devices or runners changes.

    `prices` is {"currency": "$", "hourly": {device: number}}; a device is named by its product, else by its resource.
    """
    pools: list[Capacity] = []
    for step in preview.get("steps") or ():
        before, after = _side(step.get("oldState")), _side(step.get("newState"))
        if step.get("op") == "delete":
            after = None
        if (before or after) and before != after:
            pools.append(_capacity(before, after, prices))
    return [pool for pool in pools if (pool.before, pool.runners_before) != (pool.after, pool.runners_after)]


def device_of(resource: str, selector: Mapping[str, Any]) -> str:
    """`H100-80GB-HBM3`, or the resource where the nodes' product is not selected."""
    product = next((str(value) for key, value in selector.items() if key.endswith("/gpu.product")), "")
    return product.removeprefix("NVIDIA-") or resource


def _side(state: Any) -> tuple[str, str, int, int] | None:
    """Pool, device, devices, runners: the most that it may have where it follows the queue."""
    inputs = (state or {}).get("inputs") or {}
    if inputs.get("kind") != "Deployment" or "gpu-runners.dev/pool" not in inputs.get("metadata", {}).get("labels", {}):
        return None
    spec = inputs["spec"]
    pod = spec["template"]["spec"]
    most = (inputs["metadata"].get("annotations") or {}).get(MOST_RUNNERS_ANNOTATION, "")
    replicas = int(most) if str(most).isdecimal() else int(spec.get("replicas", 1))
    limits: dict[str, Any] = {}
    for container in pod.get("containers") or ():
        limits.update((container.get("resources") or {}).get("limits") or {})
    for resource, count in limits.items():
        if is_extended_resource(resource):
            device = device_of(resource, pod.get("nodeSelector") or {})
            return (inputs["metadata"]["name"], device, replicas * int(count), replicas)
    return (inputs["metadata"]["name"], "", 0, replicas)


def _capacity(
    before: tuple[str, str, int, int] | None, after: tuple[str, str, int, int] | None, prices: Json
) -> Capacity:
    pool, device = (after or before or ("", ""))[:2]
    hourly = {key.removeprefix("NVIDIA-"): value for key, value in (prices.get("hourly") or {}).items()}
    price = hourly.get(device)
    return Capacity(
        pool=pool,
        device=device,
        before=before[2] if before else 0,
        after=after[2] if after else 0,
        runners_before=before[3] if before else 0,
        runners_after=after[3] if after else 0,
        price=float(price) * HOURS_PER_MONTH if price is not None else None,
    )
