"""Reads the scheduler's message about a pod that has no node. Pure.

The message counts nodes per reason, and says for how many of them evicting other pods would not help: where that is
every node, no pod's end will make room, and only a change of the pool or of the nodes can.
"""

import re
from typing import Final

from access.online.snapshot import PodSnapshot

_NODES: Final = re.compile(r"0/(\d+) nodes are available")
_HOPELESS_NODES: Final = re.compile(r"(\d+) Preemption is not helpful for scheduling")
_SHORT_OF: Final = re.compile(r"Insufficient (\S+?)[,.]?\s")
# Storage comes in its own time: a claim that is made together with its pool is bound seconds or minutes later.
_CLAIM_COMES: Final = re.compile(
    r'unbound immediate PersistentVolumeClaims|persistentvolumeclaim "[^"]+" (?:not found|bound)'
)
# A node autoscaler says so when it brings a node for the pod.
_NODE_COMES: Final = ("TriggeredScaleUp", "Nominated")


def waits_for_a_device(pod: PodSnapshot) -> bool:
    """Whether the pod would fit a node if other pods on it ended."""
    return not pod.scheduled and bool(short_of(pod.scheduling_message)) and not fits_no_node(pod)


def fits_no_node(pod: PodSnapshot) -> bool:
    """Whether no node could hold the pod, even an empty one, and none is on its way."""
    if pod.scheduled or not pod.scheduling_message or any(event.reason in _NODE_COMES for event in pod.events):
        return False
    message = pod.scheduling_message
    if _CLAIM_COMES.search(message):
        return False
    nodes = _NODES.search(message)
    if nodes is None:
        return "no nodes available" in message
    if "preemption:" in message:
        return sum(int(count) for count in _HOPELESS_NODES.findall(message)) >= int(nodes[1])
    return not short_of(message)


def short_of(message: str) -> list[str]:
    """The resources of which some node has too little, e.g. `nvidia.com/gpu`."""
    return sorted(set(_SHORT_OF.findall(f"{message} ")))


def cure_for(message: str) -> str:
    """What a person can do about a pod that fits no node."""
    cures = []
    if "affinity/selector" in message:
        cures.append("compare the pool's gpu.nodeSelector with `kubectl get nodes --show-labels`")
    if "volume node affinity" in message:
        cures.append("the pool's cache lies on a node that the pool may not use: see `kubectl describe pv`")
    if "taint" in message:
        cures.append("add the nodes' taint to the pool's gpu.tolerations")
    if short := short_of(message):
        cures.append(f"ask for no more {' and '.join(short)} than one node has")
    return ", or ".join(cures) or "see `kubectl get nodes`"
