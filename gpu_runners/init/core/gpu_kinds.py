"""Which kinds of GPU nodes a cluster has, each with the preset, selector and tolerations that a pool needs. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from gpu_runners.doctor.core.nodes import Amount, Node, node
from values.placement import CLUSTER_TAINTS, KNOWN_RESOURCES, PRESETS, Toleration

# Labels that name a GPU's model, of which a node usually has one; the last tells machines apart where none does.
_MODELS: Final = (
    "nvidia.com/gpu.product",
    "cloud.google.com/gke-accelerator",
    "karpenter.k8s.aws/instance-gpu-name",
    "eks.amazonaws.com/instance-gpu-name",
    "amd.com/gpu.product-name",
    "node.kubernetes.io/instance-type",
)
_GKE: Final = "cloud.google.com/gke-accelerator"
# The more particular before the more general.
_BY_LABELS: Final = ("eks-auto", "eks", "aks", "nvidia", "intel")
_PLAIN: Final = ("nvidia-plain", "amd", "intel")
_SHUNS: Final = ("NoSchedule", "NoExecute")


@dataclass(frozen=True)
class GpuKind:
    """GPU nodes that are alike. selector and tolerations are those beside the preset's; preset "": none fits.

    gpus, cpu (cores) and memory (bytes) are those of the smallest of its nodes.
    """

    resource: str
    preset: str = ""
    selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    nodes: int = 0
    gpus: int = 0
    cpu: Decimal = Decimal(0)
    memory: Decimal = Decimal(0)

    def __str__(self) -> str:
        labels = ", ".join(f"{key}={value}" for key, value in self.selector.items()) or "whatever their labels"
        count = "1 node" if self.nodes == 1 else f"{self.nodes} nodes"
        return f"{count} with {self.gpus} {self.resource}: {labels}"


def gpu_kinds(documents: Iterable[Mapping[str, Any]], amount: Amount) -> list[GpuKind]:
    """The kinds of the nodes (the API server's JSON) that offer GPUs and take pods, the most GPUs first."""
    grouped: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[Node]] = {}
    for candidate in (node(document, amount) for document in documents):
        if not candidate.usable or any(_is_the_clusters_own(taint) for taint in candidate.taints):
            continue
        for resource in KNOWN_RESOURCES:
            if candidate.allocatable.get(resource, Decimal(0)) > 0:
                key = (resource, _preset(resource, candidate.labels), tuple(_model(candidate.labels).items()))
                grouped.setdefault(key, []).append(candidate)
    kinds = [_kind(*key, alike) for key, alike in grouped.items()]
    return sorted(kinds, key=lambda kind: (-kind.nodes * kind.gpus, kind.resource, str(kind)))


def _kind(resource: str, preset: str, model: Sequence[tuple[str, str]], alike: Sequence[Node]) -> GpuKind:
    known = PRESETS[preset].tolerations if preset else ()
    taints = {(taint.get("key", ""), taint.get("effect", "")) for node in alike for taint in node.taints}
    tolerations = tuple(
        Toleration(key=key, operator="Exists", effect=effect)
        for key, effect in sorted(taints)
        if effect in _SHUNS and not any(_covers(toleration, key, effect) for toleration in known)
    )
    smallest = {
        name: min(node.allocatable.get(name, Decimal(0)) for node in alike) for name in (resource, "cpu", "memory")
    }
    return GpuKind(
        resource, preset, dict(model), tolerations, len(alike), int(smallest[resource]), smallest["cpu"],
        smallest["memory"],
    )  # fmt: skip


def _is_the_clusters_own(taint: Mapping[str, str]) -> bool:
    """No pool may tolerate it: control planes, nodes that are drained or broken."""
    return taint.get("effect") in _SHUNS and taint.get("key", "").startswith(CLUSTER_TAINTS)


def _covers(toleration: Toleration, key: str, effect: str) -> bool:
    same = toleration.get("key") == key and toleration.get("effect") in (None, effect)
    return same and toleration["operator"] == "Exists"


def _preset(resource: str, labels: Mapping[str, str]) -> str:
    vendor = resource.partition("/")[0]
    if _GKE in labels and vendor == PRESETS["gke"].resource.partition("/")[0]:
        return "gke"
    for name in (*_BY_LABELS, *_PLAIN):
        preset = PRESETS[name]
        if preset.resource.partition("/")[0] == vendor and preset.node_selector.items() <= labels.items():
            return name
    return ""


def _model(labels: Mapping[str, str]) -> dict[str, str]:
    return next(({key: labels[key]} for key in _MODELS if key in labels), {})
