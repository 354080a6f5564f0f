"""What the demo needs of a forge, and nothing that only one of them has."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from lab.build import Say
from lab.demo.forges.runs import Runs, Unfinished
from lab.demo.settings import Stacks


@dataclass(frozen=True)
class Trigger:
    """What starts a run, in words: `noun` for a sentence (the push), `deed` for the first row of the closing table."""

    noun: str
    deed: str


@dataclass(frozen=True)
class Started:
    """What was done to start a run. `key` leads to the run; times are in seconds since the epoch: `began` before the
    forge could know of it, `at` when it had answered."""

    key: str
    text: str
    began: float
    at: float


class Forge(Protocol):
    """One forge with the example's repository. Every method raises LabError where the forge refuses or is away."""

    @property
    def trigger(self) -> Trigger:
        """How its runs start."""

    @property
    def stacks(self) -> Stacks:
        """The stack files of the administrator and of the deploy job."""

    @property
    def runs(self) -> Runs:
        """The runs of the repository; after `prepare`."""

    @property
    def state_folder(self) -> str:
        """The folder of each state that is this forge's, "" for the bucket itself."""

    @property
    def run_is_missing(self) -> str:
        """Why a run that was started might never appear, and where to look."""

    @property
    def lost(self) -> str:
        """The package of Pulumi whose resources it has lost, as it was started anew; "" for none. After `prepare`."""

    def prepare(self, say: Say) -> None:
        """What it needs beside a lab that is up; what is there already stays as it is."""

    def administrator(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The environment of `pulumi up` of the platform, from the lab's."""

    def start(self, seed: int) -> Started:
        """Starts a run that trains with this seed."""

    def find_run(self, key: str) -> int | None:
        """The number of the run that was started, once the forge shows it."""

    def cancel(self, run: Unfinished) -> None:
        """Cancels a run, as a person does it there; one that has ended meanwhile is fine."""

    def set_secret(self, name: str, value: str) -> None:
        """A secret of the repository that jobs get."""

    def delete_secret(self, name: str) -> None:
        """Takes it away again."""
