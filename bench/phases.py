"""Splits a time into phases that follow each other and add up to it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from bench.measurement import Phase

# Of an `up`, whatever makes it.
STARTS: Final = "command and program start"
CHECKS: Final = "imports and checks"
DECLARES: Final = "declaring the Deployments"
PODS: Final = "pods come online"
ENDS: Final = "noticing, and the end"
# What no program of ours can shorten: whose floor it is.
FLOORS: Final[Mapping[str, str]] = {PODS: "scheduler, kubelet and image; in part our scripts"}


def between(began: float, marks: Sequence[tuple[str, float | None]]) -> tuple[Phase, ...]:
    """Each phase ends at its mark (Unix time). Without one of the marks nothing is told: it would be of another phase.

    What was seen a moment before the mark that it follows, by another look, took no time.
    """
    phases: list[Phase] = []
    before = began
    for name, at in marks:
        if at is None:
            return ()
        phases.append((name, max(0.0, at - before)))
        before = max(before, at)
    return tuple(phases)
