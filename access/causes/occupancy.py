"""Rules about what other pods hold of the nodes that a pod may use: it would fit if some ended. Pure."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from access.causes.cause import Cause, Layer
from access.causes.facts import Facts, HolderFacts, NodeFacts
from access.online.scheduling import short_of
from access.online.snapshot import PodSnapshot

_MOST: Final = 5  # of what is listed as evidence


def held_cause(facts: Facts, pod: PodSnapshot, usable: Sequence[NodeFacts] | None) -> Cause:
    """usable: the nodes that would hold the pod if they were empty, None where nodes may not be read."""
    short = short_of(pod.scheduling_message)
    device = facts.deployment.device if facts.deployment else ""
    if device and (device in short or not short):
        cause = _devices(facts, pod, device, usable)
        if cause is not None:
            return cause
    cure = "wait until other pods end, lower what the pool asks for, or bring more nodes"
    what = " and ".join(name for name in short if name != device) or "room"
    return lack("nodes-full", f"the nodes that it may use have not enough {what} left", (pod.scheduling_message,), cure)


def _devices(facts: Facts, pod: PodSnapshot, device: str, usable: Sequence[NodeFacts] | None) -> Cause | None:
    """None where one node has as many free as are wanted, and what is short there is something else."""
    names = None if usable is None else {node.name for node in usable}
    holders = [
        holder for holder in facts.holders or () if holder.device == device and (names is None or holder.node in names)
    ]
    pools = Counter(f"{holder.namespace}/{holder.pool or holder.name}" for holder in holders
                    for _ in range(holder.devices))  # fmt: skip
    busy = sum(holder.devices for holder in holders if holder.busy)
    held = (*(f"{key} holds {count}" for key, count in pools.most_common(_MOST)),
            *((f"{busy} of them with a job",) if busy else ()))  # fmt: skip
    wanted = facts.deployment.devices if facts.deployment else 0
    free = _free(device, usable or (), holders) if facts.sees_all_holders else {}
    most = max(free.values(), default=0)
    if 0 < wanted <= most and {*short_of(pod.scheduling_message)} - {device}:
        return None
    if 0 < most < wanted:
        by_node = {node.name: int(node.allocatable[device]) for node in usable or () if free[node.name]}
        left = sorted(by_node, key=lambda name: (-free[name], name))[:_MOST]
        return lack(
            "gpus-scattered", f"no node that it may use has {wanted} {device} free at once",
            (pod.scheduling_message, *(f"{name}: {free[name]} of {by_node[name]} free" for name in left), *held),
            "wait until more of one node is free, lower `gpu.count`, or bring more GPU nodes",
        )  # fmt: skip
    return lack(
        "gpus-in-use", f"every {device} that it may use is held by other pods", (pod.scheduling_message, *held),
        "wait for their jobs, lower the other pools' replicas or `min`, or bring more GPU nodes",
    )  # fmt: skip


def _free(device: str, usable: Sequence[NodeFacts], holders: Sequence[HolderFacts]) -> dict[str, int]:
    """Devices that nobody holds, by node."""
    held = Counter(holder.node for holder in holders for _ in range(holder.devices))
    return {node.name: max(0, int(node.allocatable.get(device, 0)) - held[node.name]) for node in usable}


def lack(situation: str, cause: str, evidence: tuple[str, ...], cure: str) -> Cause:
    """A cause of the layer of nodes; evidence that is empty is left out."""
    return Cause(situation=situation, layer=Layer.NODES, cause=cause, evidence=tuple(filter(None, evidence)), cure=cure)
