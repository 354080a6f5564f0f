"""Which pods wait for a device that others hold, and which ones no node could hold."""

import pytest

from access.online.scheduling import fits_no_node, waits_for_a_device
from access.online.snapshot import EventSnapshot, PodSnapshot
from tests.access.online.test_progress import GPU_IN_USE, NO_NODE, TOO_MANY, online, starting, waiting

# As the scheduler says it of a PriorityClass with `preemptionPolicy: Never`: it counts no nodes.
NEVER = "preemption: not eligible due to preemptionPolicy=Never."
NOT_ALIKE = f"0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. {NEVER}"
ALL_TAKEN = f"0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient nvidia.com/gpu. {NEVER}"
FULL = f"0/3 nodes are available: 3 Too many pods. {NEVER}"

CASES = [
    ("no node is like that, and it pushes nobody out", waiting(message=NOT_ALIKE), False, True),
    ("others hold the devices, and it pushes nobody out", waiting(message=ALL_TAKEN), True, False),
    ("others hold the nodes, and it pushes nobody out", waiting(message=FULL), False, False),
    ("others hold the devices", waiting(message=GPU_IN_USE), True, False),
    ("no node is like that", waiting(message=NO_NODE), False, True),
    ("no node has so many", waiting(message=TOO_MANY), False, True),
    ("the scheduler has not said anything", waiting(message=""), False, False),
    ("it has a node", starting(), False, False),
    ("it has a node now, whatever was said before", starting(scheduling_message=GPU_IN_USE), False, False),
    ("it has a node now, though none was like that", starting(scheduling_message=NO_NODE), False, False),
    ("it is online", online(), False, False),
]


@pytest.mark.parametrize(("what", "pod", "waits", "hopeless"), CASES, ids=[case[0] for case in CASES])
def test_a_pod_waits_for_a_device_only_where_it_would_fit_once_others_ended(
    what: str, pod: PodSnapshot, waits: bool, hopeless: bool
) -> None:
    assert (waits_for_a_device(pod), fits_no_node(pod)) == (waits, hopeless)


@pytest.mark.parametrize(("reason", "hopeless"), [("TriggeredScaleUp", False), ("Nominated", False), ("Pulled", True)])
def test_a_node_that_an_autoscaler_brings_is_hope(reason: str, hopeless: bool) -> None:
    pod = starting(scheduled=False, scheduling_message=NO_NODE, events=(EventSnapshot(reason, "a node comes"),))
    assert fits_no_node(pod) is hopeless


def test_the_last_word_of_a_node_autoscaler_counts() -> None:
    words = (EventSnapshot("TriggeredScaleUp", "a node comes", "1"), EventSnapshot("NotTriggerScaleUp", "backoff", "2"))
    assert fits_no_node(starting(scheduled=False, scheduling_message=NO_NODE, events=words))
    assert not fits_no_node(starting(scheduled=False, scheduling_message=NO_NODE, events=words[:1]))
