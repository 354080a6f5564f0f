"""A cure is one that can be done: what a stack's file refuses, or what does not help on these nodes, is none."""

import pytest

from access.causes.facts import JobFacts
from access.causes.jobs import job_cause
from tests.access.causes.world import GPU, KEY, NAMESPACE, REGISTRAR, World
from values.placement import is_passing_taint

MIG = "nvidia.com/mig-1g.10gb"
DEDICATED = {"key": "dedicated", "value": "research", "effect": "NoSchedule"}


def tainted(*taints: dict[str, str]) -> World:
    world = World()
    world.unplaced()
    world.node["spec"]["taints"] = list(taints)
    return world


@pytest.mark.parametrize(
    "key",
    [
        "node-role.kubernetes.io/control-plane",
        "ToBeDeletedByClusterAutoscaler",
        "karpenter.sh/disrupted",
        "node.cilium.io/agent-not-ready",
    ],
)
def test_no_taint_is_to_be_tolerated_that_a_stack_s_file_refuses(key: str) -> None:
    assert is_passing_taint(key)
    cause = tainted({"key": key, "effect": "NoSchedule"}, DEDICATED).answer()
    assert cause.situation == "taint-not-tolerated"
    assert "no pool may tolerate what the cluster sets" in cause.cure
    assert "gpu.tolerations" not in cause.cure


def test_a_taint_that_a_pool_may_tolerate_is_named_in_the_cure() -> None:
    assert "add dedicated=research:NoSchedule to the pool's gpu.tolerations" in tainted(DEDICATED).answer().cure


def test_a_pool_without_gpus_has_no_tolerations_to_add_to() -> None:
    world = tainted(DEDICATED)
    world.template["containers"][0]["resources"] = {"requests": {"cpu": "1"}}
    cause = world.answer()
    assert (cause.situation, "tolerates no taint" in cause.cure) == ("taint-not-tolerated", True)


def test_a_slice_that_no_node_is_cut_into_is_no_lost_device_plugin() -> None:
    world = World()
    world.unplaced(f"0/2 nodes are available: 2 Insufficient {MIG}. preemption: 0/2 nodes are available.")
    world.template["containers"][0]["resources"] = {"requests": {MIG: "1"}}
    cause = world.answer()
    assert (cause.situation, cause.evidence[-1]) == ("device-plugin-gone", f"they offer {GPU}")
    assert "`gpu.resource`" in cause.cure


def test_gpus_that_a_node_has_and_does_not_give_are_told_as_unhealthy() -> None:
    world = World()
    world.unplaced()
    world.template["containers"][0]["resources"] = {"requests": {GPU: "4"}}
    world.node["status"]["allocatable"][GPU] = "3"
    cause = world.answer()
    assert (cause.situation, cause.evidence[-1]) == ("more-gpus-than-a-node", f"lab: capacity {GPU} 4")
    assert "calls some unhealthy" in cause.cure


def test_a_list_of_runners_that_failed_is_no_list_without_runners() -> None:
    """Whoever believed it would delete pods that are well."""
    world = World()
    scopes = [{"scope": "mlops/tests", "namespaces": [NAMESPACE], "problem": "no answer within 8 s"}]
    world.answers[f"{REGISTRAR}/runners"] = {"runners": [], "scopes": scopes}
    assert world.answer().situation == "healthy"
    assert world.facts().unread == ("the registrar's /runners: no answer within 8 s",)


def test_a_job_for_the_forge_s_own_runners_is_not_to_be_given_to_a_pool() -> None:
    cause = job_cause(JobFacts(id="7", labels=("ubuntu-latest",)), (KEY,))
    assert cause is not None
    assert (cause.situation, "give a pool" in cause.cure) == ("job-for-hosted", False)
    cause = job_cause(JobFacts(id="7", labels=("self-hosted", "ubuntu-latest")), (KEY,))
    assert cause is not None
    assert cause.situation == "job-nobody-takes"
