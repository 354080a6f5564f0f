"""Which kinds of GPU nodes a cluster has, each with the preset, selector and tolerations that a pool needs. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from gpu_runners.doctor.core.nodes import Amount, Node, is_akin, node
from values.kubernetes_syntax import is_extended_resource
from values.placement import (
    CLUSTER_TAINTS,
    KNOWN_RESOURCES,
    PRESETS,
    Toleration,
    is_gpu_slice,
    is_passing_taint,
)

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
        preset = f" (preset {self.preset})" if self.preset else ""
        return f"{count} with {self.gpus} {self.resource}: {labels}{preset}"


@dataclass(frozen=True)
class Wanted:
    """What a person said of the nodes: every label of selector, a preset, a resource; "" where nothing was said."""

    selector: Mapping[str, str] = field(default_factory=dict)
    preset: str = ""
    resource: str = ""

    def unseen(self) -> GpuKind:
        """As it was said, of nodes that are not there: a preset that selects no label where none was named."""
        resource = self.resource or PRESETS[self.preset].resource
        return GpuKind(resource, self.preset or preset_of(resource, {}), self.selector)

    def takes(self, candidate: Node) -> bool:
        """Whether a pool that says this could get this node."""
        selected = {**(PRESETS[self.preset].node_selector if self.preset else {}), **self.selector}
        return selected.items() <= candidate.labels.items()

    def resources(self, candidate: Node) -> list[str]:
        """The names under which it offers GPUs; others of a vendor's where it has none that is known here."""
        offered = [name for name, amount in candidate.allocatable.items() if amount > 0]
        if self.resource:
            return [name for name in offered if name == self.resource]
        if self.preset:
            own = PRESETS[self.preset].resource
            offered = [name for name in offered if name.startswith(f"{_vendor(own)}/")]
            if own in offered:
                return [own]
        known = [name for name in offered if name in KNOWN_RESOURCES or is_gpu_slice(name)]
        return known or [name for name in offered if is_akin(name)]


ANY: Final = Wanted()


def gpu_kinds(documents: Iterable[Mapping[str, Any]], amount: Amount, wanted: Wanted = ANY) -> list[GpuKind]:
    """The kinds of the wanted nodes (the API server's JSON) that offer GPUs and take pods, the most GPUs first."""
    grouped: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[Node]] = {}
    for candidate in _open(documents, amount):
        if not wanted.takes(candidate):
            continue
        for resource in wanted.resources(candidate):
            preset = wanted.preset or preset_of(resource, candidate.labels)
            selector = {**_model(candidate.labels), **wanted.selector}
            grouped.setdefault((resource, preset, tuple(selector.items())), []).append(candidate)
    kinds = [_kind(*key, alike) for key, alike in grouped.items()]
    return sorted(kinds, key=lambda kind: (-kind.nodes * kind.gpus, kind.resource, str(kind)))


def other_devices(documents: Iterable[Mapping[str, Any]], amount: Amount) -> list[str]:
    """What the nodes offer beside what is known as a GPU: one of a vendor whom nobody here knows may be among it."""
    names = {name for it in _open(documents, amount) for name, offered in it.allocatable.items() if offered > 0}
    return sorted(name for name in names if is_extended_resource(name) and not is_akin(name))


def _open(documents: Iterable[Mapping[str, Any]], amount: Amount) -> list[Node]:
    """The nodes that take pods."""
    nodes = (node(document, amount) for document in documents)
    return [it for it in nodes if it.usable and not any(_is_the_clusters_own(taint) for taint in it.taints)]


def _kind(resource: str, preset: str, selector: Sequence[tuple[str, str]], alike: Sequence[Node]) -> GpuKind:
    smallest = {
        name: min(node.allocatable.get(name, Decimal(0)) for node in alike) for name in (resource, "cpu", "memory")
    }
    return GpuKind(
        resource, preset, dict(selector), _tolerations(preset, alike), len(alike), int(smallest[resource]),
        smallest["cpu"], smallest["memory"],
    )  # fmt: skip


def _tolerations(preset: str, alike: Sequence[Node]) -> tuple[Toleration, ...]:
    """Beside the preset's those for the taints that most of the nodes have, of as many the fewest: a taint of few is
    theirs, or one of a node that starts or goes. Never for one that is known to come and go.
    """
    known = PRESETS[preset].tolerations if preset else ()
    sets = Counter(
        frozenset(
            (key, effect)
            for key, effect in ((taint.get("key", ""), taint.get("effect", "")) for taint in node.taints)
            if effect in _SHUNS
            and not is_passing_taint(key)
            and not any(_covers(toleration, key, effect) for toleration in known)
        )
        for node in alike
    )
    usual = min(sets, key=lambda taints: (-sets[taints], len(taints), sorted(taints)))
    return tuple(Toleration(key=key, operator="Exists", effect=effect) for key, effect in sorted(usual))


def _is_the_clusters_own(taint: Mapping[str, str]) -> bool:
    """No pool may tolerate it: control planes, nodes that are drained or broken."""
    return taint.get("effect") in _SHUNS and taint.get("key", "").startswith(CLUSTER_TAINTS)


def _covers(toleration: Toleration, key: str, effect: str) -> bool:
    same = toleration.get("key") == key and toleration.get("effect") in (None, effect)
    return same and toleration["operator"] == "Exists"


def preset_of(resource: str, labels: Mapping[str, str]) -> str:
    """The preset of a node with these labels, "" where none fits."""
    vendor = _vendor(resource)
    if _GKE in labels and vendor == _vendor(PRESETS["gke"].resource):
        return "gke"
    for name in (*_BY_LABELS, *_PLAIN):
        preset = PRESETS[name]
        if _vendor(preset.resource) == vendor and preset.node_selector.items() <= labels.items():
            return name
    return ""


def _vendor(resource: str) -> str:
    return resource.partition("/")[0]


def _model(labels: Mapping[str, str]) -> dict[str, str]:
    return next(({key: labels[key]} for key in _MODELS if key in labels), {})
