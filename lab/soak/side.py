"""A platform with its pool at one forge, and the jobs that were pushed there."""

from dataclasses import dataclass, field

from lab.faults.place import Place
from lab.soak.forge import Forge
from lab.trial.ledger import Ledger
from lab.trial.pods import RunnerPod


@dataclass
class Pushed:
    """A job that the forge has taken. conclusion: "" until it has one; runner: whoever had it last."""

    name: str
    topic: str
    run: int
    conclusion: str = ""
    runner: str = ""


@dataclass(kw_only=True)
class Side(Place):
    """`name` of the forge; its only pool has the runners; `victims`: runner → the strike that took its job."""

    name: str
    pool: str
    forge: Forge
    ledger: Ledger
    pushed: list[Pushed] = field(default_factory=list)
    victims: dict[str, str] = field(default_factory=dict)

    def open(self) -> list[Pushed]:
        """Those that the forge has no conclusion of."""
        return [job for job in list(self.pushed) if not job.conclusion]

    def look(self, job: Pushed) -> None:
        """Notes what the forge says of a job. Raises LabError where it does not answer."""
        seen = self.forge.job(job.run)
        job.conclusion, job.runner = seen.conclusion, seen.runner or job.runner

    def begun(self, job: Pushed) -> list[str]:
        """The pods on which it said that it begins."""
        return [entry.words[2] for entry in self.ledger.about(job.topic) if entry.words[1:2] == ("begins",)]

    def taken_by(self, job: Pushed) -> str:
        """The strike that took the runner of a job, "" for none."""
        return next((self.victims[pod] for pod in (job.runner, *self.begun(job)) if pod in self.victims), "")

    def busy(self) -> list[RunnerPod]:
        """The runners that have a job and whose registrar knows it."""
        return [pod for pod in self.pods.of(self.pool) if pod.job and pod.phase == "Running" and not pod.leaving]

    def is_serving(self) -> bool:
        """Whether all its runners wait for work."""
        return len(self.idle(self.pool)) >= self.declared[self.pool]
