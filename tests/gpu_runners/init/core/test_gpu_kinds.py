"""Which kinds of GPU nodes a cluster has, by what vendors and clouds write onto nodes."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from lightkube.utils.quantity import parse_quantity

from gpu_runners.init.core.gpu_kinds import gpu_kinds
from values.placement import PRESETS

Json = dict[str, Any]
L4, G5 = {"nvidia.com/gpu.product": "NVIDIA-L4"}, {"node.kubernetes.io/instance-type": "g5.xlarge"}
GPU_TAINT = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}


def node(
    name: str, labels: Mapping[str, str], gpus: Mapping[str, str], *taints: Mapping[str, str], ready: str = "True"
) -> Json:
    return {
        "metadata": {"name": name, "labels": dict(labels)},
        "spec": {"taints": [dict(taint) for taint in taints]},
        "status": {
            "conditions": [{"type": "Ready", "status": ready}],
            "allocatable": {"cpu": "8", "memory": "64Gi", **gpus},
        },
    }


def amount(text: str) -> Any:
    return parse_quantity(text)


@pytest.mark.parametrize(
    ("preset", "labels", "selector"),
    [
        ("nvidia", {"nvidia.com/gpu.present": "true", **L4}, L4),
        ("gke", {"cloud.google.com/gke-accelerator": "nvidia-l4"}, {"cloud.google.com/gke-accelerator": "nvidia-l4"}),
        (
            "eks",
            {"karpenter.k8s.aws/instance-gpu-manufacturer": "nvidia", "karpenter.k8s.aws/instance-gpu-name": "a10g"},
            {"karpenter.k8s.aws/instance-gpu-name": "a10g"},
        ),
        ("eks-auto", {"eks.amazonaws.com/instance-gpu-manufacturer": "nvidia"}, {}),
        ("aks", {"kubernetes.azure.com/accelerator": "nvidia"}, {}),
        ("nvidia-plain", G5, G5),
        ("nvidia-plain", {}, {}),
    ],
)  # fmt: skip
def test_a_node_s_labels_tell_its_preset_and_its_model(
    preset: str, labels: dict[str, str], selector: dict[str, str]
) -> None:
    (kind,) = gpu_kinds([node("a", labels, {"nvidia.com/gpu": "4"})], amount)
    assert (kind.preset, kind.selector, kind.gpus, kind.nodes) == (preset, selector, 4, 1)
    assert PRESETS[kind.preset].node_selector.items() <= labels.items()


@pytest.mark.parametrize(
    ("resource", "preset"),
    [("amd.com/gpu", "amd"), ("nvidia.com/mig-1g.10gb", "nvidia-plain"), ("gpu.intel.com/i915", "")],
)
def test_other_resources_keep_their_vendor_s_preset_or_none(resource: str, preset: str) -> None:
    (kind,) = gpu_kinds([node("a", {}, {resource: "2"})], amount)
    assert (kind.resource, kind.preset) == (resource, preset)


def test_nodes_that_are_alike_are_one_kind_with_the_smallest_s_room() -> None:
    small = node("b", {}, {"nvidia.com/gpu": "2"})
    small["status"]["allocatable"]["memory"] = "32Gi"
    (kind,) = gpu_kinds([node("a", {}, {"nvidia.com/gpu": "8"}), small], amount)
    assert (kind.nodes, kind.gpus, kind.memory) == (2, 2, Decimal(32 * 2**30))


def test_a_taint_that_no_preset_tolerates_is_tolerated_and_no_other() -> None:
    own = {"key": "team", "value": "vision", "effect": "NoExecute"}
    prefer = {"key": "soft", "effect": "PreferNoSchedule"}
    (kind,) = gpu_kinds([node("a", {}, {"nvidia.com/gpu": "1"}, GPU_TAINT, own, prefer)], amount)
    assert kind.tolerations == ({"key": "team", "operator": "Exists", "effect": "NoExecute"},)


def test_nodes_that_take_no_pods_offer_nothing() -> None:
    control = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    nodes = [
        node("a", {}, {"nvidia.com/gpu": "8"}, control),
        node("b", {}, {"nvidia.com/gpu": "8"}, ready="False"),
        node("c", {}, {}),
        node("d", {}, {"nvidia.com/gpu": "0"}),
    ]
    assert gpu_kinds(nodes, amount) == []


def test_the_most_gpus_come_first() -> None:
    nodes = [
        node(name, {"nvidia.com/gpu.product": name}, {"nvidia.com/gpu": gpus})
        for name, gpus in (("L4", "1"), ("H100", "8"))
    ]
    assert [kind.selector["nvidia.com/gpu.product"] for kind in gpu_kinds(nodes, amount)] == ["H100", "L4"]


def test_kinds_with_as_many_gpus_come_in_one_order_whatever_the_order_of_the_nodes() -> None:
    nodes = [node(name, {"nvidia.com/gpu.product": name}, {"nvidia.com/gpu": "1"}) for name in ("L4", "A10", "T4")]
    orders = [gpu_kinds(listed, amount) for listed in (nodes, nodes[::-1], [nodes[1], nodes[0], nodes[2]])]
    assert orders[0] == orders[1] == orders[2]
