"""A node autoscaler brings a node: nothing is wrong yet, whatever the nodes lack that are there."""

from typing import Any

import pytest

from tests.access.causes.world import API, GPU, World

NO_NODE = (
    "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/2 nodes are "
    "available: 2 Preemption is not helpful for scheduling."
)


def other_nodes(world: World) -> None:
    """No node has the pool's labels."""
    world.template["nodeSelector"] = {f"{GPU}.product": "H200"}


def new_node(world: World) -> None:
    """The node is there, and its device plugin not yet."""
    world.node["status"]["allocatable"].pop(GPU)


def without_nodes(world: World) -> None:
    """Nodes may not be read."""
    world.refusals["/api/v1/nodes"] = (403, "forbidden")


def waiting(world: World, *words: tuple[str, str, str]) -> None:
    """The second pod has no node, and a node autoscaler said these words: reason, message, time."""
    world.unplaced(NO_NODE)
    name, events = world.pods[-1]["metadata"]["name"], []
    for reason, message, time in words:
        told: dict[str, Any] = {"reason": reason, "message": message, "lastTimestamp": f"2026-11-26T{time}Z"}
        events.append({**told, "involvedObject": {"name": name}})
    world.answers[f"{API}/events"]["items"] = events


TRIGGERED = ("TriggeredScaleUp", "pod triggered scale-up: [{gpu 0->1 (max: 4)}]", "20:50:00")
NOMINATED = ("Nominated", "Pod should schedule on: nodeclaim/h200-x", "20:50:00")
REFUSED = ("NotTriggerScaleUp", "pod didn't trigger scale-up: 1 in backoff after failed scale-up", "20:51:00")


@pytest.mark.parametrize("word", [TRIGGERED, NOMINATED], ids=["Cluster Autoscaler", "Karpenter"])
@pytest.mark.parametrize("make", [other_nodes, new_node, without_nodes], ids=lambda make: str(make.__doc__))
def test_while_a_node_is_on_its_way_its_lack_is_no_trouble(word: tuple[str, str, str], make: Any) -> None:
    world = World()
    waiting(world, word)
    make(world)
    cause = world.answer()
    assert (cause.situation, cause.is_trouble) == ("node-comes", False), cause
    assert word[1] in "\n".join(cause.evidence)


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        ([TRIGGERED, REFUSED], "in backoff after failed scale-up"),
        ([("TriggeredScaleUp", "pod triggered scale-up", "20:20:00")], "pod triggered scale-up"),
    ],
    ids=["it gave up", "it promised the node half an hour ago"],
)
def test_a_promise_that_is_not_kept_is_part_of_the_evidence(words: list[tuple[str, str, str]], seen: str) -> None:
    world = World()
    waiting(world, *words)
    other_nodes(world)
    cause = world.answer()
    assert cause.situation == "selector-matches-no-node", cause
    assert seen in "\n".join(cause.evidence)


def test_of_two_pods_the_one_for_which_no_node_comes_is_the_answer() -> None:
    world = World()
    waiting(world, TRIGGERED)
    promised = world.pods[-1]
    world.pods[-1] = {**promised, "metadata": {**promised["metadata"], "name": "workers-59ccb65746-other"}}
    world.pods.append(promised)
    other_nodes(world)
    assert world.answer().situation == "selector-matches-no-node"


def test_what_is_wrong_elsewhere_is_told_although_a_node_comes() -> None:
    world = World()
    waiting(world, TRIGGERED)
    world.no_registrar()
    assert world.answer().situation == "registrar-gone"
