"""RunJobs: the jobs of one run as they were read last, and for how long that is good where the run has not changed."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from registrar.forges.answers import read_job
from registrar.forges.forge import Job
from registrar.forges.github.reading import of
from registrar.untrusted import Entry, words
from values.scope import Scope

# A run's own time need not move when one of its jobs does, so its jobs are read again after this; where many runs go
# on, after as long as that many take at this speed, which leaves two thirds of what GitHub allows in a minute.
KEEP_SECONDS: Final = 15.0
RUNS_A_SECOND: Final = 3.0
FEW_RUNS: Final = 40  # that are all read afresh for a runner that just ended: it takes seconds
LISTED_PART: Final = 1.1  # of that time: for so long a list of runners stands for it, as it comes about as often

IsGood = Callable[["RunJobs", float], bool]  # at this moment, while the run does not change


@dataclass(frozen=True, kw_only=True)
class RunJobs:
    """A run's jobs as of `at`; `version` tells whether it has changed since. `parsed`: as each scope names them.

    runners: those of its jobs that go on, where each that has not ended has one; else none.
    """

    version: str
    at: float
    jobs: tuple[Entry, ...]
    runners: frozenset[int] = frozenset()
    parsed: dict[Scope, tuple[Job, ...]] = field(default_factory=dict, compare=False)

    @property
    def is_settled(self) -> bool:
        """Whether each of its jobs has a runner, or has ended: none of them will come to another runner."""
        return all(_has_ended(entry) or entry.identifier_or_none("runner_id") is not None for entry in self.jobs)

    @property
    def is_doubted(self) -> bool:
        """Whether it has to be read again, however young it is."""
        return self.at == float("-inf")

    def doubted(self) -> "RunJobs":
        """The same, to be read again."""
        return replace(self, at=float("-inf"))

    def named(self, scope: Scope, repository: Scope) -> tuple[Job, ...]:
        """Its jobs, each read once: there are hundreds, and somebody asks for them every other second."""
        if scope not in self.parsed:
            self.parsed[scope] = tuple(job_of(scope, repository, entry) for entry in self.jobs)
        return self.parsed[scope]


@dataclass(frozen=True, kw_only=True)
class AtWork:
    """The single-use runners that a list called busy, which is as of `at`: each has the one job that it ever has."""

    at: float = float("-inf")
    runners: frozenset[int] = frozenset()


def run_jobs(version: str, at: float, jobs: tuple[Entry, ...], known: RunJobs | None) -> RunJobs:
    """As they were read; `known` itself, but younger, where they are the same."""
    if known is not None and [job.mapping for job in known.jobs] == [job.mapping for job in jobs]:
        return replace(known, version=version, at=at)
    unfinished = [job.identifier_or_none("runner_id") for job in jobs if not _has_ended(job)]
    runners = frozenset() if None in unfinished else frozenset(runner for runner in unfinished if runner is not None)
    return RunJobs(version=version, at=at, jobs=jobs, runners=runners)


def good_among(runs: int, at_work: Callable[[], AtWork]) -> IsGood:
    """How long jobs are good where so many runs go on.

    Nothing changes in a run whose jobs are all at single-use runners before one of these ends, so a list that has them
    at work says as much as the jobs read again.
    """
    seconds = max(KEEP_SECONDS, runs / RUNS_A_SECOND)

    def is_good(run: RunJobs, now: float) -> bool:
        if run.is_doubted or now - run.at < seconds:
            return not run.is_doubted
        listed = at_work()
        return bool(run.runners) and now - listed.at < LISTED_PART * seconds and run.runners <= listed.runners

    return is_good


def good_for_a_runner(runs: int, at_work: Callable[[], AtWork]) -> IsGood:
    """The same for a runner that ended: all afresh where that takes seconds, else those that may have a job for it."""
    is_many, is_good = runs > FEW_RUNS, good_among(runs, at_work)
    return lambda run, now: is_many and run.is_settled and is_good(run, now)


def job_of(scope: Scope, repository: Scope, entry: Any) -> Job:
    """A job as the scope names it."""
    prefix = "" if scope.is_repository else f"{words(repository.repository, most=100)}/"
    return of(entry, lambda fields: read_job(fields, prefix))


def _has_ended(entry: Entry) -> bool:
    return entry.words("status") == "completed"
