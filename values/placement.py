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
# Slices of NVIDIA's GPUs are resources of their own, one for each profile of A100, A30, H100, H200, B200 and GH200.
MIG_PROFILES: Final = (
    *("1g.5gb", "1g.6gb", "1g.10gb", "1g.12gb", "1g.18gb", "1g.20gb", "1g.23gb", "1g.24gb", "1g.35gb", "1g.45gb"),
    *("2g.10gb", "2g.12gb", "2g.20gb", "2g.24gb", "2g.35gb", "2g.45gb", "3g.20gb", "3g.40gb", "3g.48gb", "3g.71gb"),
    *("3g.90gb", "4g.20gb", "4g.24gb", "4g.40gb", "4g.48gb", "4g.71gb", "4g.90gb", "7g.40gb", "7g.80gb", "7g.96gb"),
    *("7g.141gb", "7g.180gb"),
    # Of RTX PRO 6000 and 5000, with graphics (.gfx) and with all engines for media or none, too.
    *("2g.48gb", "4g.96gb", "1g.12gb.gfx", "2g.24gb.gfx", "4g.48gb.gfx", "1g.24gb.gfx", "2g.48gb.gfx", "4g.96gb.gfx"),
    *("1g.12gb-me", "2g.24gb-me", "1g.24gb-me", "2g.48gb-me"),
    *("1g.12gb.me.all", "2g.24gb.me.all", "1g.24gb.me.all", "2g.48gb.me.all"),
    # The slice that has the engines for media: `+me` in nvidia-smi, where a resource's name has a dot.
    *("1g.5gb.me", "1g.6gb.me", "1g.10gb.me", "1g.12gb.me", "1g.18gb.me", "1g.20gb.me", "1g.23gb.me", "1g.24gb.me"),
    *("1g.35gb.me", "1g.45gb.me", "2g.12gb.me"),
)
KNOWN_RESOURCES: Final = (
    *(NVIDIA_GPU, "nvidia.com/gpu.shared", AMD_GPU, INTEL_GPU, "gpu.intel.com/xe"),
    *(f"nvidia.com/mig-{profile}" for profile in MIG_PROFILES),
)
_VENDORS: Final = frozenset(resource.partition("/")[0] for resource in KNOWN_RESOURCES)
TOLERATION_OPERATORS: Final = ("Exists", "Equal")
# Kubernetes' own taints keep pods off nodes that are drained, broken or not for work: no pool may tolerate them.
CLUSTER_TAINTS: Final = ("node.kubernetes.io/", "node-role.kubernetes.io/", "node.cloudprovider.kubernetes.io/")
# Taints of what happens to a node just now: it starts, is drained or goes. They come and go, and a pool that tolerated
# them would start jobs where none can run, or lose them.
_PASSING_TAINTS: Final = (
    *CLUSTER_TAINTS,
    *("ToBeDeletedByClusterAutoscaler", "DeletionCandidateOfClusterAutoscaler", "karpenter.sh/"),
    # Cluster Autoscaler's (its FAQ), Cluster API's, those of AWS's node termination handler and of node readiness.
    *("startup-taint.cluster-autoscaler.kubernetes.io/", "status-taint.cluster-autoscaler.kubernetes.io/"),
    *("ignore-taint.cluster-autoscaler.kubernetes.io/", "node.cluster.x-k8s.io/", "aws-node-termination-handler/"),
    "readiness.k8s.io/",
    # GKE's, of a node that goes.
    *("cloud.google.com/impending-node-termination", "cloud.google.com/gke-quick-remove"),
)
# Of network plugins and storage drivers (Cilium, EBS, Istio …), until they run on the node.
_PASSING_ENDS: Final = ("not-ready", "uninitialized", "unregistered")
TAINT_EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")


# Every kubelet sets it. The scheduler knows no system of a pod: one that asks for no device fits Windows nodes, too,
# and starts on none.
LINUX: Final[Mapping[str, str]] = {"kubernetes.io/os": "linux"}


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
    nodes: str
    """Which nodes it means, in words."""
    set_by: str = ""
    """Who sets the labels that it selects; "" where it selects none."""


def _exists(key: str) -> Toleration:
    return {"key": key, "operator": "Exists", "effect": "NoSchedule"}


# Labels and taints as the vendors' node discovery and the clouds set them: a GPU model is chosen by a selector of the
# pool's own, a preset only tells GPU nodes from others.
# The table in docs/stacks.md is held against this by a test.
PRESETS: Final[Mapping[str, PlacementPreset]] = {
    "nvidia": PlacementPreset(
        NVIDIA_GPU,
        {"nvidia.com/gpu.present": "true"},
        (_exists(NVIDIA_GPU),),
        "nodes with NVIDIA's GPU operator",
        "NVIDIA's GPU operator (its feature discovery alone does not)",
    ),
    "nvidia-plain": PlacementPreset(
        NVIDIA_GPU, {}, (_exists(NVIDIA_GPU),), "plain node groups with NVIDIA's device plugin, on EKS too"
    ),
    "amd": PlacementPreset(AMD_GPU, {}, (_exists(AMD_GPU),), "nodes with AMD's device plugin"),
    "intel": PlacementPreset(
        INTEL_GPU,
        {"intel.feature.node.kubernetes.io/gpu": "true"},
        (_exists("gpu.intel.com/i915"),),
        "nodes with Intel's device plugins operator",
        "Node Feature Discovery with Intel's rules",
    ),
    "gke": PlacementPreset(NVIDIA_GPU, {}, (_exists(NVIDIA_GPU),), "GKE's node pools with accelerators"),
    "eks": PlacementPreset(
        NVIDIA_GPU,
        {"karpenter.k8s.aws/instance-gpu-manufacturer": "nvidia"},
        (_exists(NVIDIA_GPU),),
        "EKS with Karpenter",
        "Karpenter",
    ),
    "eks-auto": PlacementPreset(
        NVIDIA_GPU,
        {"eks.amazonaws.com/instance-gpu-manufacturer": "nvidia"},
        (_exists(NVIDIA_GPU),),
        "EKS Auto Mode",
        "EKS Auto Mode",
    ),
    "aks": PlacementPreset(
        NVIDIA_GPU,
        {"kubernetes.azure.com/accelerator": "nvidia"},
        ({"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"},),
        "AKS's GPU node pools, with the taint sku=gpu where you set it",
        "AKS",
    ),
}


def is_passing_taint(key: str) -> bool:
    """Whether a taint comes and goes with what happens to a node, so that no pool may tolerate it."""
    return key.startswith(_PASSING_TAINTS) or key.rpartition("/")[2].endswith(_PASSING_ENDS)


def is_gpu(resource: str) -> bool:
    """Whether a device of a node is one of a vendor whose GPUs are known here; a node may have others."""
    return resource.partition("/")[0] in _VENDORS


def is_gpu_slice(resource: str) -> bool:
    """Whether it is a part of one of NVIDIA's GPUs, of a profile that is known here or not."""
    return resource.startswith("nvidia.com/mig-")


def node_selector(placement: GpuPlacement | None) -> dict[str, str]:
    """Labels that a runner's node must have: those of its placement, and without one those of a Linux node."""
    return dict(placement["node_selector"] if placement else LINUX)


def gpu_limits(placement: GpuPlacement | None) -> dict[str, str]:
    """Limits (and, being equal, requests) of the devices; empty without a placement."""
    return {placement["resource"]: str(int(placement["count"]))} if placement else {}
