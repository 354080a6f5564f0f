"""What the demo waits for, one thing after the other, and how long each may take. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from lab.demo.snapshot import Snapshot


@dataclass(frozen=True)
class Phase:
    """A wait with a name and a deadline in seconds, which counts from the end of the phase before."""

    job: str
    until: str  # "started" or "ended"
    seconds: float

    @property
    def name(self) -> str:
        """What is awaited, for people."""
        verb = "start" if self.until == "started" else "end"
        return f"job {self.job} to {verb}"

    def is_over(self, snapshot: Snapshot) -> bool:
        """True once it happened; a job that was skipped or failed on the way has ended as well."""
        job = snapshot.jobs.get(self.job)
        return job is not None and (job.is_done or (self.until == "started" and job.has_started))


PHASES = (
    # Longer than the registrar takes to give up a base runner that a restarted forge no longer knows (lostSeconds).
    Phase("deploy", "started", 150),
    Phase("deploy", "ended", 420),
    Phase("train", "started", 90),
    Phase("train", "ended", 420),
    Phase("release", "started", 90),
    Phase("release", "ended", 300),
)


def current(snapshot: Snapshot, phases: Sequence[Phase] = PHASES) -> Phase | None:
    """The first phase that is not over yet; None when all are."""
    return next((phase for phase in phases if not phase.is_over(snapshot)), None)
