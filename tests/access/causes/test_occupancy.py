"""Of GPUs in use it counts where they are: on the nodes that the pool may use, and how many are free at once."""

import copy
from typing import Any

from tests.access.causes.world import GPU, World

FULL = (
    "0/3 nodes are available: 2 Insufficient nvidia.com/gpu. preemption: 0/3 nodes are available: 2 No preemption "
    "victims found for incoming pod."
)


def holder(name: str, node: str, devices: int) -> dict[str, Any]:
    containers = [{"name": "x", "resources": {"limits": {GPU: str(devices)}}}]
    return {"metadata": {"namespace": "other", "name": name}, "spec": {"nodeName": node, "containers": containers},
            "status": {"phase": "Running"}}  # fmt: skip


def world(wanted: int, *others: dict[str, Any], nodes: tuple[str, ...] = ("lab",), message: str = FULL) -> World:
    """The second pod waits for so many GPUs; nodes have four each, and others hold some."""
    made = World()
    made.unplaced(message)
    amounts = {GPU: str(wanted)}
    made.template["containers"][0]["resources"] = {"limits": amounts, "requests": amounts}
    made.node["status"]["allocatable"][GPU] = "4"
    for name in nodes[1:]:
        node = copy.deepcopy(made.node)
        node["metadata"]["name"] = name
        made.answers["/api/v1/nodes"]["items"].append(node)
    made.answers["/api/v1/pods"] = {"items": [*made.pods, *others]}
    return made


def test_who_holds_gpus_of_nodes_that_the_pool_may_not_use_is_not_named() -> None:
    cause = world(1, holder("near", "lab", 3), holder("far", "elsewhere", 8)).answer()
    assert cause.situation == "gpus-in-use"
    said = "\n".join(cause.evidence)
    assert ("other/near holds 3" in said, "far" in said) == (True, False)


def test_gpus_that_are_free_on_several_nodes_are_not_said_to_be_held() -> None:
    others = (holder("a", "lab", 1), holder("b", "lab2", 3))
    cause = world(4, *others, nodes=("lab", "lab2")).answer()
    assert cause.situation == "gpus-scattered"
    assert "no node that it may use has 4 nvidia.com/gpu free at once" in cause.cause
    assert cause.evidence[1:3] == ("lab: 2 of 4 free", "lab2: 1 of 4 free")
    assert "gpu.count" in cause.cure


def test_a_node_with_free_gpus_and_too_little_else_is_not_said_to_be_held() -> None:
    message = "0/3 nodes are available: 1 Insufficient cpu, 2 Insufficient nvidia.com/gpu."
    cause = world(2, holder("a", "lab", 4), message=message, nodes=("lab", "lab2")).answer()
    assert (cause.situation, cause.cause) == ("nodes-full", "the nodes that it may use have not enough cpu left")
    assert "replicas" not in cause.cure


def test_what_of_other_namespaces_may_not_be_read_is_not_taken_for_free() -> None:
    made = world(4, holder("a", "lab", 3))
    made.refusals["/api/v1/pods"] = (403, "forbidden")
    cause = made.answer()
    assert cause.situation == "gpus-in-use"
    assert not any("free" in line for line in cause.evidence)
