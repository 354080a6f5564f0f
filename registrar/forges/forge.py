"""The seam to a forge: what the registrar asks of one, in the forge's own words. No forge is named here."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from values.scope import Scope


@dataclass(frozen=True, kw_only=True)
class Runner:
    """A registered runner as the forge lists it. `labels` are names as jobs use them in `runs-on`."""

    id: int
    name: str
    online: bool
    busy: bool  # a hint only: at Gitea it means "reported within the last 10 s"
    cordoned: bool
    ephemeral: bool
    labels: frozenset[str]
    given_labels: frozenset[str] = frozenset()  # those of `labels` that the forge itself gives, asked for or not
    # By what a grant may call its group, None for the forge's default one; empty where the forge has or tells none.
    groups: frozenset[str | None] = frozenset()
    warning: str = ""  # what the forge will soon no longer accept about this runner


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job. `conclusion` is "" until it is completed, `runner_id` None until a runner has it.

    completed: Unix time of its conclusion by the forge's clock. attempt: which run of the job it is, from 1 on; 0 where
    the forge tells none. commit: whose workflow it is part of, "" where the forge tells none.
    """

    id: str
    name: str
    labels: frozenset[str]
    runner_id: int | None
    in_progress: bool
    conclusion: str
    runner_name: str = ""  # "" where the forge does not tell it (any more)
    run_id: int | None = None
    queued_seconds: float | None = None  # from its creation to its start, None where the forge does not tell (yet)
    ran_seconds: float | None = None  # from its start to its end
    # The runner groups, as grants name them, whose runners may take it; None where the forge has none.
    groups: frozenset[str | None] | None = None
    completed: float | None = None
    attempt: int = 0
    commit: str = ""

    def __str__(self) -> str:
        return f"job {self.id} ({self.name})"


@dataclass(frozen=True, kw_only=True)
class JobOrigin:
    """A job that a runner has now, and what of its run decides about its rights. Texts are the forge's own words.

    repository: whose workflow it is. file: the workflow file, its path where `has_folder`, else its name alone. ref:
    `refs/heads/BRANCH`, `refs/pull/N/…` of a pull request, "" where the forge did not prove it, and `doubt` says why.
    head: the repository that a pull request comes from, "" where that is not known.
    """

    job: Job
    repository: str
    file: str
    has_folder: bool
    ref: str
    event: str
    head: str = ""
    doubt: str = ""


@dataclass(frozen=True, kw_only=True)
class Registration:
    """A fresh single-use registration: the runner's id and the file that its pod needs. The body is a secret."""

    runner_id: int
    body: str

    def __repr__(self) -> str:
        return f"Registration(runner_id={self.runner_id})"


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Seconds between two looks at this forge: how much it may be asked is the forge's property, not the loop's."""

    burst: float  # while a runner that just started is about to come online
    active: float  # while something starts, leaves or works
    idle: float
    census: float  # between two full lists of runners
    queue: float = 1.0  # between two readings of what waits and works, while an autoscaler asks for it
    queue_age: float = 2.0  # that an answer about the queue may have
    issues: float = float("inf")  # registrations a second that the forge takes for long
    conclusion: float = 0.0  # seconds after a runner's end until its job's conclusion is there
    census_each: float = 0.0  # of `census`, for each runner: at least so many seconds
    connects: float = 0.0  # seconds after a runner's start before which it is not online
    job_age: float = 0.0  # for each job in progress: how old their list may be, as a longer one costs the forge more


class Again(Enum):
    """What became of the wish to run a job again."""

    STARTED = "started"
    NOT_YET = "not yet"  # other jobs of its run go on
    NEVER = "never"  # its run has been run again already


class ForgeError(Exception):
    """The forge gave no usable answer: nothing is known, so nothing may be changed."""

    def __init__(self, message: str, *, retry_after: float = 2.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ForgeUnreachableError(ForgeError):
    """Away, too slow, overloaded or asking for patience (429, 5xx)."""


class ForgeRefusedError(ForgeError):
    """Answered no: the credential or the scope is wrong. A person has to cure it."""


class RunnerBusyError(Exception):
    """The forge refuses to remove a runner because it has a job."""


class Forge(Protocol):
    """Everything raises ForgeError where the forge gives no usable answer. `scope` is one of the grants' scopes."""

    @property
    def pace(self) -> Pace:
        """How often this forge may be asked."""

    @property
    def has_unique_names(self) -> bool:
        """Whether one scope has no two runners of the same name."""

    @property
    def forgets_done_runners(self) -> bool:
        """Whether a runner is gone with its job's result, so that nobody has to look, where each look costs."""

    async def issue(self, scope: Scope, *, name: str, labels: tuple[str, ...], group: str | None) -> Registration:
        """Register one single-use runner."""

    async def list_runners(self, scope: Scope) -> tuple[Runner, ...]:
        """Every runner of the scope. May miss one while the forge reorders its pages: absence needs `find`."""

    async def find(self, scope: Scope, runner_id: int) -> Runner | None:
        """One runner, None if the forge does not have it (any more)."""

    async def cordon(self, scope: Scope, runner_id: int) -> None:
        """Give this runner no further job; one it has goes on. An absent runner is no error.

        A forge that knows no cordon removes the runner instead and raises RunnerBusyError if it has a job.
        """

    async def jobs_in_progress(self, scope: Scope) -> tuple[Job, ...]:
        """Every job of the scope that a runner has now: the only trustworthy sign that a runner is busy."""

    async def remove(self, scope: Scope, runner_id: int) -> None:
        """Delete the registration; an absent one is no error. Raises RunnerBusyError if the forge knows better."""

    async def queued(self, scope: Scope) -> tuple[Job, ...]:
        """Every job of the scope that waits for a runner."""

    async def result(self, scope: Scope, *, runner_id: int, job_id: str | None) -> Job | None:
        """The job that this runner had, None if it had none as far as the forge can tell. `job_id` speeds it up."""

    async def job(self, scope: Scope, job_id: str) -> Job | None:
        """A job by the id that `Job.id` gave, None if the forge does not have it (any more). Asked afresh."""

    async def explain(self, scope: Scope, job: Job, why: str) -> None:
        """Write beside a job why it is lost, where people look for its result; what is written there already stays.

        `why`: sentences of ours. Where nothing that was written can be changed, it waits for the job's conclusion.
        """

    async def run_again(self, scope: Scope, job: Job) -> Again:
        """Start a job again that has failed, unless its run goes on or has been run again."""

    async def origin(self, scope: Scope, runner: Runner, *, job_id: str | None) -> JobOrigin | None:
        """The job that this runner has at this moment and where it comes from; None where it has none.

        Asked afresh. `job_id` speeds it up.
        """

    async def close(self) -> None:
        """Give connections back."""
