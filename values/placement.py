"""GpuPlacement: which GPUs a pod asks for and which nodes it may run on, with presets per vendor and cloud.

Says nothing about images or runners. Values are checked by whoever reads them from a person (`config`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NotRequired, TypedDict

NVIDIA_GPU: Final = "nvidia.com/gpu"
AMD_GPU: Final = "amd.com/gpu"
INTEL_GPU: Final = "gpu.intel.com/i915"
# What a quota sets to zero unless it is granted: a cap on one vendor's GPUs must not leave the others open.
KNOWN_RESOURCES: Final = (NVIDIA_GPU, AMD_GPU, INTEL_GPU, "gpu.intel.com/xe")
TOLERATION_OPERATORS: Final = ("Exists", "Equal")
TAINT_EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")


class Toleration(TypedDict):
    """A toleration as Kubernetes writes it."""

    key: NotRequired[str]
    operator: str
    value: NotRequired[str]
    effect: NotRequired[str]


class GpuPlacement(TypedDict):
    """GPUs of one pod and the nodes that may hold it."""

    resource: str
    """The device plugin's resource, e.g. `nvidia.com/gpu` or `nvidia.com/mig-1g.10gb`."""
    count: int
    """Whole devices, at least one."""
    node_selector: dict[str, str]
    """Labels that a node must have; empty for any node that offers the resource."""
    tolerations: list[Toleration]
    """Taints of the GPU nodes that the pod accepts."""


@dataclass(frozen=True)
class PlacementPreset:
    """What a preset fills in where the placement is silent."""

    resource: str
    node_selector: Mapping[str, str]
    tolerations: tuple[Toleration, ...]


def _exists(key: str) -> Toleration:
    return {"key": key, "operator": "Exists", "effect": "NoSchedule"}


# Labels and taints as the vendors' node discovery and the clouds set them: a GPU model is chosen by a selector of the
# pool's own, a preset only tells GPU nodes from others.
PRESETS: Final[Mapping[str, PlacementPreset]] = {
    "nvidia": PlacementPreset(NVIDIA_GPU, {"nvidia.com/gpu.present": "true"}, (_exists(NVIDIA_GPU),)),
    "amd": PlacementPreset(AMD_GPU, {}, (_exists(AMD_GPU),)),
    "intel": PlacementPreset(
        INTEL_GPU, {"intel.feature.node.kubernetes.io/gpu": "true"}, (_exists("gpu.intel.com/i915"),)
    ),
    "gke": PlacementPreset(NVIDIA_GPU, {}, (_exists(NVIDIA_GPU),)),
    "eks": PlacementPreset(
        NVIDIA_GPU, {"karpenter.k8s.aws/instance-gpu-manufacturer": "nvidia"}, (_exists(NVIDIA_GPU),)
    ),
    "aks": PlacementPreset(
        NVIDIA_GPU,
        {"kubernetes.azure.com/accelerator": "nvidia"},
        ({"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"},),
    ),
}


def gpu_limits(placement: GpuPlacement | None) -> dict[str, str]:
    """Limits (and, being equal, requests) of the devices; empty without a placement."""
    return {placement["resource"]: str(int(placement["count"]))} if placement else {}
