"""What is said about the nodes of a pool, from the JSON that the API server gives."""

from decimal import Decimal
from typing import Any

import pytest
from lightkube.utils.quantity import parse_quantity

from gpu_runners.doctor.core.findings import Finding, State
from gpu_runners.doctor.core.nodes import Need, Node, node, room
from gpu_runners.doctor.core.selection import CLUSTER_AUTOSCALER, KARPENTER

GPU = "nvidia.com/gpu"
TAINT = {"key": GPU, "value": "present", "effect": "NoSchedule"}
TOLERATION = {"key": GPU, "operator": "Exists", "effect": "NoSchedule"}
A100 = {"nvidia.com/gpu.product": "A100"}


def amount(text: str) -> Decimal:
    return parse_quantity(text) or Decimal(0)


def made(name: str = "gpu-1", **changes: Any) -> Node:
    """A node with 8 GPUs, 32 CPUs and 256 Gi."""
    document: dict[str, Any] = {
        "metadata": {"name": name, "labels": changes.get("labels", A100)},
        "spec": {"taints": changes.get("taints", []), "unschedulable": changes.get("cordoned", False)},
        "status": {
            "conditions": [{"type": "Ready", "status": changes.get("ready", "True")}],
            "allocatable": {"cpu": "32", "memory": "256Gi", GPU: "8"} | changes.get("allocatable", {}),
        },
    }
    return node(document, amount)


def asked(count: int = 1, replicas: int = 1, **changes: Any) -> Need:
    requests = {"cpu": amount("2"), "memory": amount("8Gi")} | changes.pop("requests", {})
    return Need("cuda", replicas, requests, devices={GPU: count}, **({"selector": A100} | changes))


def verdict(state: State, need: Need, *nodes: Node) -> str:
    finding: Finding = room(need, nodes)
    assert finding.state is state, str(finding)
    assert bool(finding.cure) == (state is not State.OK)
    return str(finding)


def test_a_pool_fits_a_node_with_its_labels_and_gpus() -> None:
    assert "gpu-1 could hold 4 runners" in verdict(State.OK, asked(2), made())


def test_more_gpus_than_any_node_has_fit_nowhere() -> None:
    text = verdict(State.FAILED, asked(16), made("a"), made("b", allocatable={GPU: "4"}))
    assert "a pod asks for 16 nvidia.com/gpu, but no node that it may use has more than 8" in text


def test_a_larger_node_that_the_pool_may_not_use_does_not_count() -> None:
    other = made("b", labels={"nvidia.com/gpu.product": "H100"}, allocatable={GPU: "16"})
    assert "has more than 8" in verdict(State.FAILED, asked(16), made("a"), other)


def test_a_label_that_no_node_has_is_told_with_those_that_are_there() -> None:
    text = verdict(State.FAILED, asked(selector={"nvidia.com/gpu.product": "V100"}), made())
    assert "no node has nvidia.com/gpu.product=V100 (there nvidia.com/gpu.product is A100)" in text
    assert "GPU nodes have nvidia.com/gpu.product=A100" in text
    assert "gpu.nodeSelector" in text


def test_a_taint_that_is_not_tolerated_is_told_with_the_toleration() -> None:
    text = verdict(State.FAILED, asked(), made(taints=[TAINT]))
    assert "the taint nvidia.com/gpu=present:NoSchedule" in text
    assert "add {key: nvidia.com/gpu, operator: Exists, effect: NoSchedule} to gpu.tolerations" in text


@pytest.mark.parametrize(
    ("toleration", "state"),
    [
        (TOLERATION, State.OK),
        ({"key": GPU, "operator": "Exists"}, State.OK),
        ({"key": GPU, "operator": "Equal", "value": "present", "effect": "NoSchedule"}, State.OK),
        ({"key": GPU, "operator": "Equal", "value": "absent", "effect": "NoSchedule"}, State.FAILED),
        ({"key": GPU, "operator": "Exists", "effect": "NoExecute"}, State.FAILED),
        ({"key": "sku", "operator": "Exists"}, State.FAILED),
    ],
)
def test_a_toleration_counts_as_the_scheduler_counts_it(toleration: dict[str, str], state: State) -> None:
    verdict(state, asked(tolerations=[toleration]), made(taints=[TAINT]))


def test_a_taint_that_only_asks_politely_keeps_nobody_away() -> None:
    verdict(State.OK, asked(), made(taints=[TAINT | {"effect": "PreferNoSchedule"}]))


@pytest.mark.parametrize("change", [{"ready": "False"}, {"ready": "Unknown"}, {"cordoned": True}])
def test_a_node_that_is_not_ready_or_cordoned_is_no_node(change: dict[str, Any]) -> None:
    assert "none of 1 nodes is ready" in verdict(State.FAILED, asked(), made(**change))


def test_memory_counts_as_gpus_do() -> None:
    text = verdict(State.FAILED, asked(requests={"memory": amount("300Gi")}), made())
    assert "memory, but no node" in text


def test_nodes_that_are_large_enough_only_in_turn_are_not() -> None:
    small_gpu = made("a", allocatable={GPU: "1"})
    small_memory = made("b", allocatable={"memory": "1Gi"})
    assert "enough of everything" in verdict(State.FAILED, asked(8), small_gpu, small_memory)


def test_a_missing_device_plugin_is_suspected_where_no_node_has_the_resource() -> None:
    assert "device plugin" in verdict(State.FAILED, asked(), made(allocatable={GPU: "0"}))


def test_too_few_places_are_unknown_for_an_autoscaler_may_add_nodes() -> None:
    assert "room for 1 of 3 runners" in verdict(State.UNKNOWN, asked(8, replicas=3), made())


def test_a_pool_without_gpus_needs_a_node_without_taints() -> None:
    plain = Need("base", 1, {"cpu": amount("100m"), "memory": amount("2Gi")})
    assert "plain could hold" in verdict(State.OK, plain, made("gpu", taints=[TAINT]), made("plain", labels={}))


def test_a_cluster_where_everything_scales_from_zero_has_no_node_and_has_not_failed() -> None:
    text = verdict(State.UNKNOWN, asked())
    assert "the cluster has no node; an autoscaler may bring one" in text
    assert room(PLAIN_NEED, [], [KARPENTER]).state is State.UNKNOWN
    assert room(PLAIN_NEED, []).state is State.FAILED


PLAIN_NEED = Need("base", 1, {"cpu": amount("100m"), "memory": amount("2Gi")})


PLAIN = {
    "node.kubernetes.io/instance-type": "g5.xlarge",
    "eks.amazonaws.com/nodegroup": "gpus",
    "kubernetes.io/os": "x",
}
PRESENT = {"nvidia.com/gpu.present": "true"}


def test_of_a_selector_only_the_part_that_matches_no_node_is_named_and_who_would_set_it() -> None:
    selector = {**PRESENT, "node.kubernetes.io/instance-type": "g5.xlarge"}
    text = verdict(State.FAILED, asked(selector=selector), made(labels=PLAIN))
    assert "no node has nvidia.com/gpu.present=true (none has nvidia.com/gpu.present at all); cure" in text
    assert "GPU nodes have eks.amazonaws.com/nodegroup=gpus, node.kubernetes.io/instance-type=g5.xlarge;" in text
    assert "only NVIDIA's GPU operator (its feature discovery alone does not) sets nvidia.com/gpu.present" in text
    assert "kubernetes.io/os" not in text


def test_labels_that_no_node_has_together_are_told_as_such() -> None:
    nodes = made("a", labels={"a": "1"}), made("b", labels={"b": "2"})
    assert "no node has all of a=1, b=2 at the same time" in verdict(
        State.FAILED, asked(selector={"a": "1", "b": "2"}), *nodes
    )


@pytest.mark.parametrize("selector", [{}, PRESENT])
def test_a_gpu_pool_that_scales_from_zero_has_no_node_now_and_has_not_failed(selector: dict[str, str]) -> None:
    without = made("cpu-1", labels={}, allocatable={GPU: "0"})
    text = verdict(State.UNKNOWN, asked(selector=selector), without)
    assert "no node now offers nvidia.com/gpu; an autoscaler may bring one" in text
    assert "device plugin is missing" in text


def test_another_kind_of_gpu_that_scales_from_zero_may_come_where_there_is_an_autoscaler() -> None:
    need, there = asked(selector={"nvidia.com/gpu.product": "H100"}), made()
    finding = room(need, [there], [KARPENTER, CLUSTER_AUTOSCALER])
    assert finding.state is State.UNKNOWN
    assert "no node now: no node has nvidia.com/gpu.product=H100" in finding.found
    assert "a NodePool of Karpenter must allow nvidia.com/gpu.product=H100" in finding.cure
    assert "k8s.io/cluster-autoscaler/node-template/label" in finding.cure
    assert room(need, [there]).state is State.FAILED


def test_a_larger_node_or_one_that_works_may_come_where_there_is_an_autoscaler() -> None:
    finding = room(asked(8), [made(allocatable={GPU: "1"})], [KARPENTER])
    assert finding.state is State.UNKNOWN
    assert "no node that it may use has more than 1; an autoscaler may bring one" in finding.found
    assert "a NodePool of Karpenter must allow" in finding.cure
    assert room(asked(), [made(ready="Unknown")], [CLUSTER_AUTOSCALER]).state is State.UNKNOWN


def test_an_autoscaler_excuses_no_missing_plugin_and_no_taint_of_the_users_own() -> None:
    assert room(asked(), [made(allocatable={GPU: "0"})], [KARPENTER]).state is State.FAILED
    assert room(asked(), [made(taints=[TAINT])], [KARPENTER]).state is State.FAILED


@pytest.mark.parametrize(
    "key",
    [
        "node-role.kubernetes.io/control-plane",
        "node.kubernetes.io/memory-pressure",
        "node.cloudprovider.kubernetes.io/uninitialized",
        "ToBeDeletedByClusterAutoscaler",
        "karpenter.sh/disrupted",
        "node.cilium.io/agent-not-ready",
        "ebs.csi.aws.com/agent-not-ready",
        "cni.istio.io/not-ready",
        "startup-taint.cluster-autoscaler.kubernetes.io/gpu-driver",
        "node.cluster.x-k8s.io/uninitialized",
        "aws-node-termination-handler/spot-itn",
    ],
)
def test_no_toleration_is_advised_that_a_pool_may_not_have(key: str) -> None:
    shut = made(taints=[TAINT, {"key": key, "effect": "NoSchedule"}])
    text = verdict(State.FAILED, asked(), shut)
    assert f"the taint nvidia.com/gpu=present:NoSchedule, {key}:NoSchedule" in text
    assert "gpu.tolerations" not in text
    assert "no pool may tolerate what the cluster sets" in text
    assert room(asked(), [shut], [KARPENTER]).state is State.UNKNOWN


def test_all_tolerations_that_a_node_takes_are_told_at_once_of_the_node_that_takes_the_fewest() -> None:
    spot = {"key": "kubernetes.azure.com/scalesetpriority", "value": "spot", "effect": "NoSchedule"}
    most = made("a", taints=[TAINT, spot, {"key": "team", "value": "x", "effect": "NoExecute"}])
    text = verdict(State.FAILED, asked(), most, made("b", taints=[spot, TAINT]))
    assert (
        "add {key: kubernetes.azure.com/scalesetpriority, operator: Exists, effect: NoSchedule} and "
        "{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule} to gpu.tolerations" in text
    )


@pytest.mark.parametrize(("number", "named"), [(3, "a, b, c could"), (4, "a, b, c, … could")])
def test_three_nodes_are_named_and_of_more_it_is_said_that_there_are(number: int, named: str) -> None:
    assert named in verdict(State.OK, asked(2), *(made(name) for name in "abcd"[:number]))


def test_a_node_that_tells_nothing_of_itself_yet_has_no_room() -> None:
    young = node({"metadata": {"name": "young"}, "spec": {}, "status": {}}, amount)
    assert young.allocatable == {}
    assert "gpu-1 could hold 4 runners" in verdict(State.OK, asked(2), made(), young)


def test_nodes_that_never_had_the_resource_are_no_nodes_with_gpus() -> None:
    plain = node(
        {
            "metadata": {"name": "cpu-1", "labels": {"team": "web"}},
            "spec": {},
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "allocatable": {"cpu": "32", "memory": "256Gi"},
            },
        },
        amount,
    )
    assert "no node now offers nvidia.com/gpu" in str(room(asked(), [plain]))


@pytest.mark.parametrize("away", [{"cordoned": True}, {"ready": "Unknown"}])
def test_gpu_nodes_that_take_no_pods_are_named_though_others_do(away: dict[str, Any]) -> None:
    others = [made("cpu-1", labels={}, allocatable={GPU: "0"}), made("h100", labels={"nvidia.com/gpu.product": "H100"})]
    text = verdict(State.FAILED, asked(), *others, made("gpu-1", **away))
    assert (
        "nvidia.com/gpu that it may use are cordoned or not ready: gpu-1; cure: `kubectl describe node gpu-1`" in text
    )
    assert "device plugin" not in text
    text = verdict(State.FAILED, asked(selector={}), others[0], made("gpu-1", **away))
    assert "not ready: gpu-1" in text
    found = room(asked(), [*others, made("gpu-1", **away)], [KARPENTER])
    assert (found.state, "an autoscaler may bring one" in found.found) == (State.UNKNOWN, True)


def test_a_pool_that_asks_for_gpus_under_another_name_is_told_under_which_they_are_there() -> None:
    whole = made(labels={}, allocatable={"nvidia.com/mig-1g.10gb": "0"})
    found = room(Need("cuda", 1, {}, devices={"nvidia.com/mig-1g.10gb": 1}), [whole])
    assert found.found == "no node now offers nvidia.com/mig-1g.10gb, but nvidia.com/gpu; an autoscaler may bring one"
    parted = made(labels={}, allocatable={GPU: "0", "nvidia.com/mig-1g.10gb": "7", "amd.com/gpu": "1"})
    text = verdict(State.UNKNOWN, asked(selector={}), parted)
    assert "no node now offers nvidia.com/gpu, but amd.com/gpu, nvidia.com/mig-1g.10gb; an" in text


def test_a_pool_without_gpus_is_not_told_to_tolerate_anything() -> None:
    need = Need("build", 1, {"cpu": amount("2")})
    text = verdict(State.FAILED, need, made(taints=[{"key": "dedicated", "value": "db", "effect": "NoSchedule"}]))
    assert "gpu.tolerations" not in text
    assert "kubectl taint node" in text


def test_a_windows_node_that_would_take_runners_is_named() -> None:
    """The scheduler looks at labels and taints, and not at the system of a pod."""
    need = Need("build", 1, {"cpu": amount("2")})
    windows = {"kubernetes.io/os": "windows"}
    text = verdict(State.FAILED, need, made("linux-1"), made("win-1", labels=windows))
    assert "win-1 would take its pods" in text
    assert "kubectl taint node win-1 os=windows:NoSchedule" in text
    taint = {"key": "os", "value": "windows", "effect": "NoSchedule"}
    verdict(State.OK, need, made("linux-1"), made("win-1", labels=windows, taints=[taint]))


def test_a_pool_that_selects_linux_nodes_is_held_off_windows_nodes_and_needs_one() -> None:
    need = Need("build", 1, {"cpu": amount("2")}, selector={"kubernetes.io/os": "linux"})
    windows = made("win-1", labels={"kubernetes.io/os": "windows"})
    assert "win-1" not in verdict(State.OK, need, made("linux-1", labels={"kubernetes.io/os": "linux"}), windows)
    text = verdict(State.FAILED, need, windows)
    assert "no node has kubernetes.io/os=linux (there kubernetes.io/os is windows)" in text
    assert "cure: add Linux nodes" in text


@pytest.mark.parametrize("key", ["cloud.google.com/gke-quick-remove", "cloud.google.com/impending-node-termination"])
def test_a_node_that_gke_takes_away_is_none_to_tolerate(key: str) -> None:
    text = verdict(State.FAILED, asked(), made(taints=[{"key": key, "value": "true", "effect": "NoSchedule"}]))
    assert "no pool may tolerate what the cluster sets" in text
