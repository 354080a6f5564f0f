"""Finding: what one check says. Failed: `pulumi up` or the runners would fail. Unknown: nobody could tell from here."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from gpu_runners.exit_code import ExitCode
from values.problem import Problem


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One line. A cure belongs to everything but `ok`."""

    state: State
    check: str
    found: str
    cure: str = ""

    def __str__(self) -> str:
        text = f"{self.state:<8} {self.check}: {self.found}"
        return f"{text}; cure: {self.cure}" if self.cure else text


def ok(check: str, found: str) -> Finding:
    """As it should be."""
    return Finding(State.OK, check, found)


def failed(check: str, found: str, cure: str) -> Finding:
    """It will not work."""
    return Finding(State.FAILED, check, found, cure)


def unknown(check: str, found: str, cure: str) -> Finding:
    """Nobody could tell from here; the cure is how to find out."""
    return Finding(State.UNKNOWN, check, found, cure)


def wrong(check: str, problem: Problem) -> Finding:
    """It will not work, for this reason."""
    return failed(check, _words(problem), problem.cure)


def doubtful(check: str, problem: Problem) -> Finding:
    """Nobody could tell from here, or it works worse than it might, for this reason."""
    return unknown(check, _words(problem), problem.cure)


def _words(problem: Problem) -> str:
    return f"{problem.key}: {problem.found}; allowed: {problem.allowed}"


def exit_code(findings: Iterable[Finding], *, strict: bool) -> ExitCode:
    """FOUND where a check failed; strict: FAILED where none did and one is unknown."""
    states = {finding.state for finding in findings}
    if State.FAILED in states:
        return ExitCode.FOUND
    return ExitCode.FAILED if strict and State.UNKNOWN in states else ExitCode.DONE


def summary(findings: Iterable[Finding]) -> str:
    """How many of each."""
    states = [finding.state for finding in findings]
    return ", ".join(f"{states.count(state)} {state}" for state in State)
