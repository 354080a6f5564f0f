"""What the scheduler's message says of a pod that has no node, with what a node autoscaler says beside it. Pure."""

from typing import Final

from access.online.snapshot import EventSnapshot, PodSnapshot
from values.scheduler_message import cure_for, is_hopeless, short_of

__all__ = [
    "autoscaler_word",
    "coming_node",
    "cure_for",
    "fits_no_node",
    "is_hopeless",
    "short_of",
    "waits_for_a_device",
]

# A node autoscaler says so when it brings a node for the pod, and when it brings none, or no longer.
_NODE_COMES: Final = ("TriggeredScaleUp", "Nominated")
_NO_NODE_COMES: Final = "NotTriggerScaleUp"


def waits_for_a_device(pod: PodSnapshot) -> bool:
    """Whether the pod would fit a node if other pods on it ended."""
    return not pod.scheduled and bool(short_of(pod.scheduling_message)) and not fits_no_node(pod)


def fits_no_node(pod: PodSnapshot) -> bool:
    """Whether no node could hold the pod, even an empty one, and none is on its way."""
    return not pod.scheduled and coming_node(pod) is None and is_hopeless(pod.scheduling_message)


def autoscaler_word(pod: PodSnapshot) -> EventSnapshot | None:
    """What a node autoscaler said last about the pod."""
    return next((event for event in reversed(pod.events) if event.reason in (*_NODE_COMES, _NO_NODE_COMES)), None)


def coming_node(pod: PodSnapshot) -> EventSnapshot | None:
    """The same, where it said that it brings a node."""
    word = autoscaler_word(pod)
    return word if word is not None and word.reason in _NODE_COMES else None
