"""Which part of a pool's selector no node has, what the GPU nodes have instead, and who would set the label. Pure.

A GPU pool that scales from zero has no node now: the node that an autoscaler would bring is not here to be read.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from values.placement import PRESETS

KARPENTER: Final = "Karpenter"
CLUSTER_AUTOSCALER: Final = "Cluster Autoscaler"
# Labels that tell one kind of GPU node from another; all others would bury them.
_TELLING: Final = re.compile(
    r"(?:^|[./-])(?:gpu|mig|accelerator|instance-type|instance-gpu-\w+|nodepool|nodegroup|agentpool|product)(?:$|[./-])"
)
_MOST_LABELS: Final = 8


def missing(selector: Mapping[str, str], nodes: Sequence[Mapping[str, str]]) -> str:
    """Each part of the selector that none of the nodes, given by their labels, has; and what they have of its key."""
    parts = []
    for key, value in selector.items():
        if not any(labels.get(key) == value for labels in nodes):
            known = sorted({labels[key] for labels in nodes if key in labels})
            there = f"there {key} is {', '.join(known[:_MOST_LABELS])}" if known else f"none has {key} at all"
            parts.append(f"{key}={value} ({there})")
    if parts:
        return f"no node has {' nor '.join(parts)}"
    return f"no node has all of {', '.join(f'{key}={value}' for key, value in selector.items())} at the same time"


def telling(labels: Iterable[Mapping[str, str]]) -> str:
    """The labels by which GPU nodes can be chosen, e.g. `node.kubernetes.io/instance-type=g5.xlarge`."""
    pairs = {f"{key}={value}" for node in labels for key, value in node.items() if _TELLING.search(key)}
    listed = sorted(pairs)[:_MOST_LABELS]
    return ", ".join(listed) + (", …" if len(pairs) > _MOST_LABELS else "")


def setters(selector: Mapping[str, str]) -> str:
    """Who sets the labels of presets that are among these; "" where none is."""
    known = {
        f"only {preset.set_by} sets {key}"
        for preset in PRESETS.values()
        for key in preset.node_selector
        if key in selector
    }
    return "; ".join(sorted(known))


def from_zero(selector: Mapping[str, str], autoscalers: Sequence[str]) -> str:
    """What has to be right for an autoscaler to bring such a node."""
    wanted = ", ".join(f"{key}={value}" for key, value in selector.items()) or "any GPU node"
    cures = {
        KARPENTER: f"a NodePool of Karpenter must allow {wanted} (`kubectl get nodepools -o yaml`)",
        CLUSTER_AUTOSCALER: f"the node group must tell Cluster Autoscaler of {wanted} while it is empty, on AWS by "
        "its tags k8s.io/cluster-autoscaler/node-template/label/…",
    }
    known_cures = [cures[name] for name in autoscalers]
    return (
        "; ".join(known_cures) or "see that an autoscaler has a group of such nodes; where there is none, add GPU nodes"
    )
