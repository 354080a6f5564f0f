"""The jobs of one fault: what they say themselves while they run, and what the forge says when they are over."""

from collections import Counter
from dataclasses import dataclass

from lab.errors import LabError
from lab.trial.deadline import until
from lab.trial.ledger import Entry, Ledger, say
from lab.trial.workflow import Job, Run

BEGIN_SECONDS = 60.0


@dataclass(frozen=True)
class Work:
    """Jobs `names` of a run that tell the ledger of their beginning and their end under `topic`."""

    run: Run
    topic: str
    names: tuple[str, ...]
    ledger: Ledger

    def begun(self, seconds: float = BEGIN_SECONDS) -> dict[str, Entry]:
        """Waits until every job has said that it begins; what each said: name, `begins`, pod."""

        def first() -> dict[str, Entry]:
            entries = [entry for entry in self.ledger.about(self.topic) if entry.words[1:2] == ("begins",)]
            told = {entry.words[0]: entry for entry in reversed(entries)}
            return told if len(told) == len(self.names) else {}

        return until(f"the jobs of {self.topic} begin", first, seconds, seen=lambda: self.ledger.about(self.topic))

    def pod(self, name: str = "job-0") -> str:
        """The pod on which a job began."""
        return self.begun()[name].words[2]

    def concluded(self, seconds: float) -> dict[str, Job]:
        """The jobs, as soon as the forge has a conclusion of each, or when the time is over."""
        try:
            return self.run.until_done(seconds)
        except LabError:
            return self.run.jobs()

    def lost(self, jobs: dict[str, Job]) -> list[str]:
        """Those that did not come to their end as far as the forge knows."""
        return [name for name in self.names if name not in jobs or jobs[name].conclusion != "success"]

    def told(self) -> bool:
        """Whether a status beside the commit says of a runner that it is gone."""
        commit = str(self.run.repository.run(self.run.id)["head_sha"])
        return any(status["description"].startswith("The runner ") for status in self.run.repository.statuses(commit))

    def twice(self) -> list[str]:
        """Those that began more than once."""
        begun = Counter(entry.words[0] for entry in self.ledger.about(self.topic) if entry.words[1:2] == ("begins",))
        return [name for name, times in begun.items() if times > 1]


def script(topic: str, name: str, seconds: float, between: str = "") -> str:
    """A silent job of so many seconds; `between` is what else it does first, in bash."""
    begins, ends = say(topic, f"{name} begins $HOSTNAME"), say(topic, f"{name} ends $HOSTNAME")
    return "\n".join(part for part in (begins, between, f"sleep {seconds:g}", ends) if part)
