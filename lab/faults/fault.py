"""One thing that goes wrong on the lab, and what was seen of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.faults.scene import Scene

DEADLINE_SECONDS = 300.0


@dataclass(frozen=True)
class Observation:
    """What was seen, in words, and the seconds until all was as declared again; None where nothing had to recover."""

    observed: str
    recovery_s: float | None = None


@dataclass(frozen=True)
class Fault:
    """A fault that `run` brings about and takes back. Raises LabError where what it waits for does not happen.

    `loses`: how many of its jobs the forge is known to lose by it; `why` then says by whose doing. One job more than
    that is a failure of the suite.
    """

    name: str
    injected: str
    run: "Callable[[Scene], Observation]"
    deadline_seconds: float = DEADLINE_SECONDS
    loses: int = 0
    why: str = ""


@dataclass(frozen=True)
class Contract:
    """A fault that cannot be brought about here; `holds` is the file that holds us to it."""

    name: str
    injected: str
    observed: str
    holds: str
