"""Cause: one answer to why something does not go on."""

from dataclasses import dataclass
from enum import Enum


class Layer(Enum):
    """Where a cause lies, in the order in which they are looked at."""

    STACK = "stack"
    CLUSTER = "cluster"
    DEPLOYMENT = "Deployment"
    NODES = "nodes"
    POD = "pod"
    REGISTRAR = "registrar"
    FORGE = "forge"
    AUTOSCALER = "autoscaler"
    JOB = "job"


@dataclass(frozen=True, kw_only=True)
class Cause:
    """situation: one word of its own for scripts and tests. evidence: what was seen, in the words of whoever said it.

    is_trouble: false where everything is as it shall be, and `cause` says what that is.
    """

    situation: str
    layer: Layer
    cause: str
    evidence: tuple[str, ...] = ()
    cure: str = ""
    is_trouble: bool = True

    def lines(self) -> list[str]:
        """For a person."""
        cure = [f"cure: {self.cure}"] if self.cure else []
        return [f"{self.layer.value}: {self.cause}", *(f"  {seen}" for seen in self.evidence), *cure]
