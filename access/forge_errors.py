"""What a forge's answer means, GitHub's and Gitea's: it said no, it said something else, or it said nothing usable."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from values.problem import Problem, ProblemsError, count_of

AGAIN: Final = "run this again when the forge answers"


class ForgeUnreachableError(Exception):
    """No usable answer now, which is no verdict on a stack. The message says what was asked of whom."""


class ForgeStatusError(ForgeUnreachableError):
    """A refusal that nobody has words for yet. needed: the permissions that GitHub says it takes, or ""."""

    def __init__(self, message: str, status: int, needed: str = "") -> None:
        super().__init__(message)
        self.status, self.needed = status, needed


class ForgeRefusedError(ProblemsError):
    """The forge said no, and that is a problem of the stack."""

    @classmethod
    def of(cls, problem: Problem) -> "ForgeRefusedError":
        """One problem, found on the way to others."""
        return cls("the forge refuses this", [problem])


@dataclass
class Answers:
    """What a question brought to light: problems stop an `up`, concerns are warned about."""

    problems: list[Problem] = field(default_factory=list)
    concerns: list[Problem] = field(default_factory=list)

    def __add__(self, others: "Answers") -> "Answers":
        return Answers([*self.problems, *others.problems], [*self.concerns, *others.concerns])

    def unanswered(self, key: str, error: ForgeUnreachableError) -> None:
        """Notes that nobody could tell."""
        self.concerns.append(Problem(key, f"no answer: {error}", "an answer, without which this is not known", AGAIN))

    def require(self, forge_url: str, warn: Callable[[str], object]) -> None:
        """Warns of the concerns. Raises ForgeRefusedError with all problems."""
        for concern in dict.fromkeys(self.concerns):
            warn(str(concern))
        if self.problems:
            count = count_of(self.problems)
            raise ForgeRefusedError(
                f"{forge_url} would refuse the stack's work; nothing was changed; {count}:", self.problems
            )


@contextmanager
def refusals_mean(problems: Mapping[int, Problem]) -> Iterator[None]:
    """Gives a refusal its meaning by its status, as ForgeRefusedError; one that is not here is no verdict."""
    try:
        yield
    except ForgeStatusError as error:
        problem = problems.get(error.status)
        if problem is None:
            raise
        asks = f" (GitHub asks for {error.needed})" if error.needed else ""
        raise ForgeRefusedError.of(replace(problem, cure=f"{problem.cure}{asks}")) from error


# What Python says where an answer has another shape than its API promises: no such field, a list for a mapping.
_OF_ANOTHER_SHAPE: Final = (LookupError, TypeError, AttributeError, ArithmeticError, ValueError, RecursionError)


@contextmanager
def answers_are_read(asked: str) -> Iterator[None]:
    """Around whatever reads what a forge wrote: an answer that cannot be read is none. Raises ForgeUnreachableError."""
    try:
        yield
    except _OF_ANOTHER_SHAPE as error:
        found = f"{asked} gets an answer of another shape ({type(error).__name__})"
        raise ForgeUnreachableError(f"{found}; is it the forge's API, or a page of what is before it?") from error


def problems_of(check: Callable[[], object]) -> tuple[Problem, ...]:
    """The problems that a check raises as ForgeRefusedError, if any."""
    try:
        check()
    except ForgeRefusedError as refusal:
        return refusal.problems
    return ()
