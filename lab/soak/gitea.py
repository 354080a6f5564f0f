"""The lab's Gitea. A door before it misbehaves: registrar and runners have the door's address, we have Gitea's."""

from collections.abc import Iterator
from contextlib import contextmanager

from lab.faults import forge_door
from lab.faults.faults_of_forge import WAYS
from lab.faults.forge_door import ForgeDoor
from lab.soak.forge import Seen
from lab.trial.repository import Repository, Runner
from lab.trial.workflow import one_job, push

JOB = "job"


class GiteaForge:
    """A repository of the soak's own. Gitea counts its runners: the greatest number says how many there were."""

    def __init__(self, repository: Repository, door: ForgeDoor) -> None:
        self._repository, self._door = repository, door
        self._first: int | None = None
        self._last = 0

    def push(self, label: str, job: str, script: str) -> int:
        """A branch of its own with one workflow."""
        del job  # a run has one, and a name for it would be no more than that
        return push(self._repository, one_job(label, script, name=JOB)).id

    def job(self, run: int) -> Seen:
        """As the API has it."""
        (job,) = self._repository.jobs(run)
        return Seen(job.get("runner_name") or "", job.get("conclusion") or "")

    def runners(self) -> list[Runner]:
        """As the API has them."""
        runners = self._repository.runners()
        for runner in runners:
            self._first = runner.id if self._first is None else min(self._first, runner.id)
            self._last = max(self._last, runner.id)
        return runners

    def registrations(self) -> int:
        """The soak has the forge to itself, so the numbers are those of its runners."""
        return 0 if self._first is None else self._last - self._first + 1

    def told(self, run: int, runner: str) -> bool:
        """A status beside the commit."""
        commit = str(self._repository.run(run)["head_sha"])
        return any(runner in status["description"] for status in self._repository.statuses(commit))

    @contextmanager
    def outage(self, name: str) -> Iterator[None]:
        """The ways of the fault suite."""
        begin, _, _ = WAYS[name.removeprefix("forge-")]
        begin(self._door)
        try:
            yield
        finally:
            self._door.pass_on()

    @contextmanager
    def next_answer_lost(self) -> Iterator[None]:
        """At the door."""
        self._door.misbehave(forge_door.unanswered, forge_door.REGISTER, 1)
        try:
            yield
        finally:
            self._door.pass_on()

    def close(self) -> None:
        """The repository goes, and the door."""
        self._door.close()
        self._repository.drop()
        self._repository.close()
