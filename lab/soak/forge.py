"""What a soak asks of a forge: to run a job, what became of it, who is registered, and to misbehave for a while."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from lab.trial.repository import Runner


@dataclass(frozen=True)
class Seen:
    """A job as its forge has it; `conclusion` is "" until it has one, `runner` until it has one."""

    runner: str
    conclusion: str


class Forge(Protocol):
    """Every method raises LabError where the forge refuses. Usable from several threads."""

    def push(self, label: str, job: str, script: str) -> int:
        """Starts a run of one job for a runner with this label; returns its number."""

    def job(self, run: int) -> Seen:
        """The one job of a run."""

    def runners(self) -> list[Runner]:
        """Those registered for the repository itself."""

    def registrations(self) -> int:
        """How many it has made since this was made."""

    def told(self, run: int, runner: str) -> bool:
        """Whether people read beside the job of a run that this runner of it is lost."""

    def outage(self, name: str) -> AbstractContextManager[None]:
        """It misbehaves for the registrar in the way of a fault of this name."""

    def next_answer_lost(self) -> AbstractContextManager[None]:
        """The next registration is carried out and its answer is lost."""

    def close(self) -> None:
        """Gives the connections back."""
