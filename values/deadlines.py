"""How long the registrar lets a pod take for each step."""

from typing import TypedDict


class Deadlines(TypedDict):
    """How long the registrar lets a pod take for each step, in seconds."""

    schedule_seconds: int
    """From creation to a node."""
    pull_seconds: int
    """From a node to running containers."""
    online_seconds: int
    """From a registration to the forge's list."""
    lost_seconds: int
    """From the last sign of an idle runner at the forge to its pod's deletion."""
    ghost_seconds: int
    """From the disappearance of a pod to the removal of its registration."""
