"""Reads the scheduler's message about a pod that has no node: which resource is short, and whether waiting helps. Pure.

The message counts nodes per reason, and says for how many of them evicting other pods would not help: where that is
every node, no pod's end will make room, and only a change of the pool or of the nodes can.
"""

import re
from typing import Final

_NODES: Final = re.compile(r"0/(\d+) nodes are available")
_HOPELESS_NODES: Final = re.compile(r"(\d+) Preemption is not helpful for scheduling")
# Of a PriorityClass with `preemptionPolicy: Never`, and while a pod that has to go for it ends: it counts no nodes.
_NOT_ELIGIBLE: Final = "preemption: not eligible"
# What the end of another pod cures, beside what is short.
_IN_USE: Final = re.compile(
    r"Too many pods|didn't have free ports|max volume count|topology spread|anti-affinity rules"
)
_SHORT_OF: Final = re.compile(r"Insufficient (\S+?)[,.]?\s")
# Storage comes in its own time: a claim that is made together with its pool is bound seconds or minutes later.
_CLAIM_COMES: Final = re.compile(
    r'unbound immediate PersistentVolumeClaims|persistentvolumeclaim "[^"]+" (?:not found|bound)'
)
LONGEST: Final = 8192  # letters that are read; the scheduler's own are a few hundred


def is_hopeless(message: str) -> bool:
    """Whether no node could hold the pod, even an empty one; False where the message does not say so."""
    message = message[:LONGEST]
    if not message or _CLAIM_COMES.search(message):
        return False
    nodes = _NODES.search(message)
    if nodes is None:
        return "no nodes available" in message
    if "preemption:" in message and _NOT_ELIGIBLE not in message:
        return sum(int(count) for count in _HOPELESS_NODES.findall(message)) >= int(nodes[1])
    return not short_of(message) and _IN_USE.search(message) is None


def is_kept_out(message: str) -> bool:
    """Whether some node has a taint that the pod does not tolerate."""
    return "taint" in message[:LONGEST]


def short_of(message: str) -> list[str]:
    """The resources of which some node has too little, e.g. `nvidia.com/gpu`."""
    return sorted(set(_SHORT_OF.findall(f"{message[:LONGEST]} ")))


def cure_for(message: str) -> str:
    """What a person can do about a pod that fits no node."""
    cures = []
    if "affinity/selector" in message:
        cures.append(
            "compare the pool's gpu.nodeSelector, without GPUs kubernetes.io/os=linux, with `kubectl get nodes "
            "--show-labels`"
        )
    if "volume node affinity" in message:
        cures.append("the pool's cache lies on a node that the pool may not use: see `kubectl describe pv`")
    if "persistent volumes to bind" in message:
        cures.append("no volume fits the claim of the pool's cache: see `kubectl get persistentvolumeclaims,pv`")
    if "taint" in message:
        cures.append("add the nodes' taint to the pool's gpu.tolerations")
    if short := short_of(message):
        cures.append(f"ask for no more {' and '.join(short)} than one node has")
    return ", or ".join(cures) or "see `kubectl get nodes`"
