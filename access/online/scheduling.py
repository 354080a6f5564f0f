"""What the scheduler's message says of a pod that has no node, with what a node autoscaler says beside it. Pure."""

from typing import Final

from access.online.snapshot import PodSnapshot
from values.scheduler_message import cure_for, is_hopeless, short_of

__all__ = ["cure_for", "fits_no_node", "short_of", "waits_for_a_device"]

# A node autoscaler says so when it brings a node for the pod.
_NODE_COMES: Final = ("TriggeredScaleUp", "Nominated")


def waits_for_a_device(pod: PodSnapshot) -> bool:
    """Whether the pod would fit a node if other pods on it ended."""
    return not pod.scheduled and bool(short_of(pod.scheduling_message)) and not fits_no_node(pod)


def fits_no_node(pod: PodSnapshot) -> bool:
    """Whether no node could hold the pod, even an empty one, and none is on its way."""
    if pod.scheduled or any(event.reason in _NODE_COMES for event in pod.events):
        return False
    return is_hopeless(pod.scheduling_message)
