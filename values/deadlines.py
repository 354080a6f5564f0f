"""Deadlines: how long the registrar lets a pod or a runner take for each step."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Deadlines:
    """Seconds that a pod or a runner may stay in a state before the registrar says or does something about it."""

    schedule_seconds: float
    """From creation to a node."""
    pull_seconds: float
    """From a node to running containers."""
    online_seconds: float
    """From a registration to the forge's list."""
    lost_seconds: float
    """From the last sign of an idle runner at the forge to its pod's deletion."""
    ghost_seconds: float
    """From the disappearance of a pod to the removal of its registration."""
