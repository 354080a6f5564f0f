"""Which kinds of GPU nodes a cluster has, by what vendors and clouds write onto nodes."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from lightkube.utils.quantity import parse_quantity

from gpu_runners.init.core.gpu_kinds import Wanted, gpu_kinds, other_devices
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


PASSING = (
    "karpenter.sh/disrupted",
    "node.cilium.io/agent-not-ready",
    "ebs.csi.aws.com/agent-not-ready",
    "ToBeDeletedByClusterAutoscaler",
    "startup-taint.cluster-autoscaler.kubernetes.io/gpu-driver",
)


@pytest.mark.parametrize("effect", ["NoSchedule", "NoExecute"])
@pytest.mark.parametrize("key", PASSING)
@pytest.mark.parametrize("others", [0, 1])
def test_a_taint_that_comes_and_goes_is_never_tolerated_and_its_node_counts(key: str, effect: str, others: int) -> None:
    passing = node("a", L4, {"nvidia.com/gpu": "1"}, GPU_TAINT, {"key": key, "effect": effect})
    rest = [node(f"b{number}", L4, {"nvidia.com/gpu": "1"}, GPU_TAINT) for number in range(others)]
    (kind,) = gpu_kinds([passing, *rest], amount)
    assert (kind.tolerations, kind.nodes) == ((), 1 + others)


def test_of_nodes_with_other_taints_those_of_the_most_are_tolerated_and_of_as_many_the_fewest() -> None:
    team, odd = ({"key": key, "effect": "NoSchedule"} for key in ("team", "vendor.example.com/rotating"))
    toleration = {"key": "team", "operator": "Exists", "effect": "NoSchedule"}
    alike = [node(name, L4, {"nvidia.com/gpu": "1"}, GPU_TAINT, team) for name in "ab"]
    spare = node("c", L4, {"nvidia.com/gpu": "1"}, GPU_TAINT)
    rotating = node("d", L4, {"nvidia.com/gpu": "1"}, GPU_TAINT, team, odd)
    (kind,) = gpu_kinds([rotating, spare, *alike], amount)
    assert kind.tolerations == (toleration,)
    (kind,) = gpu_kinds([rotating, alike[0]], amount)
    assert kind.tolerations == (toleration,)


def test_a_slice_of_a_profile_that_nobody_here_knows_is_a_kind() -> None:
    (kind,) = gpu_kinds([node("a", {}, {"nvidia.com/mig-9g.999gb.me": "7"})], amount)
    assert (kind.resource, kind.preset) == ("nvidia.com/mig-9g.999gb.me", "nvidia-plain")


def test_a_vendor_s_other_names_count_where_it_has_no_known_one_on_a_node() -> None:
    time_slices = node("a", {}, {"nvidia.com/v100": "4"})
    monitored = node("b", {}, {"gpu.intel.com/i915": "1", "gpu.intel.com/i915_monitoring": "1"})
    kinds = gpu_kinds([time_slices, monitored], amount)
    assert [kind.resource for kind in kinds] == ["nvidia.com/v100", "gpu.intel.com/i915"]


def test_what_is_known_of_no_vendor_is_a_kind_where_a_person_names_it() -> None:
    nodes = [node("a", {}, {"habana.ai/gaudi": "8", "hugepages-2Mi": "1"}, {"key": "habana", "effect": "NoSchedule"})]
    assert gpu_kinds(nodes, amount) == []
    assert other_devices(nodes, amount) == ["habana.ai/gaudi"]
    (kind,) = gpu_kinds(nodes, amount, Wanted(resource="habana.ai/gaudi"))
    assert (kind.resource, kind.preset, kind.gpus) == ("habana.ai/gaudi", "", 8)
    assert [it["key"] for it in kind.tolerations] == ["habana"]


def test_labels_that_a_person_names_choose_nodes_and_are_kept_beside_the_model() -> None:
    gke = {"cloud.google.com/gke-accelerator": "nvidia-l4", "cloud.google.com/gke-nodepool": "gpu"}
    nodes = [node("a", gke, {"nvidia.com/gpu": "1"}), node("b", L4, {"nvidia.com/gpu": "8"})]
    (kind,) = gpu_kinds(nodes, amount, Wanted({"cloud.google.com/gke-nodepool": "gpu"}))
    assert (kind.preset, kind.selector, kind.gpus) == ("gke", gke, 1)


@pytest.mark.parametrize(
    ("preset", "resources"),
    [("nvidia-plain", ["nvidia.com/gpu", "nvidia.com/mig-1g.10gb"]), ("amd", ["amd.com/gpu"]), ("nvidia", [])],
)
def test_a_preset_that_a_person_names_chooses_the_nodes_that_it_means(preset: str, resources: list[str]) -> None:
    nodes = [
        node("a", {}, {"nvidia.com/gpu": "4", "nvidia.com/mig-2g.20gb": "3"}),
        node("b", {}, {"amd.com/gpu": "2"}),
        node("c", {}, {"nvidia.com/mig-1g.10gb": "1"}),
    ]
    kinds = gpu_kinds(nodes, amount, Wanted(preset=preset))
    assert [(kind.resource, kind.preset) for kind in kinds] == [(resource, preset) for resource in resources]


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        (Wanted(resource="amd.com/gpu"), ("amd.com/gpu", "amd")),
        (Wanted(resource="nvidia.com/gpu"), ("nvidia.com/gpu", "nvidia-plain")),
        (Wanted(preset="aks"), ("nvidia.com/gpu", "aks")),
        (Wanted(resource="gpu.intel.com/xe"), ("gpu.intel.com/xe", "")),
    ],
)
def test_of_nodes_that_are_not_there_no_label_is_guessed(wanted: Wanted, kind: tuple[str, str]) -> None:
    assert (wanted.unseen().resource, wanted.unseen().preset) == kind
