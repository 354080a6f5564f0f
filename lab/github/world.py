"""The stand-in's state and the rules that change it. No HTTP here; one event loop, hence no locks."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import rsa

from lab.github.clock import Clock
from lab.github.workflow import JobPlan, Workflow

DEFAULT_GROUP = 1
LONGEST_NAME = 64  # of a runner, in letters
UNUSED_SECONDS = 86400.0  # after which GitHub forgets a single-use runner that never connected
# From the least to the most advanced: a run is where the least advanced of its jobs is.
STATUSES = ("requested", "pending", "waiting", "queued", "in_progress", "completed")
ONLINE_SECONDS = 70.0  # a poll lasts up to 50 s; a runner that has not been heard of for longer is offline
LOCK_SECONDS = 600.0  # GitHub's own, renewed by the runner each minute

NEWEST_COMMIT = "0" * 40

FORK_WORKFLOWS = (
    "run_workflows_from_fork_pull_requests", "send_write_tokens_to_workflows", "send_secrets_and_variables",
    "require_approval_for_fork_pr_workflows",
)  # fmt: skip


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a defect
    """What the API answers instead of doing it: a status and a message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Repository:
    """A repository and everything that can be wired in it. Keys of `secrets` and `variables` are upper case.

    `branches` holds the commits of each, the newest last; `tagged` those that only a tag holds.
    """

    id: int
    full_name: str
    private: bool = True
    variables: dict[str, dict[str, str]] = field(default_factory=dict)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    environments: dict[str, "Environment"] = field(default_factory=dict)
    permissions: dict[str, object] = field(default_factory=lambda: {"enabled": True, "allowed_actions": "all"})
    fork_approval: str = "first_time_contributors"
    fork_workflows: dict[str, object] = field(default_factory=lambda: dict.fromkeys(FORK_WORKFLOWS, False))
    workflows: dict[str, Workflow] = field(default_factory=dict)
    branches: dict[str, list[str]] = field(default_factory=lambda: {"main": [NEWEST_COMMIT]})
    tagged: set[str] = field(default_factory=set)
    comments: list["Comment"] = field(default_factory=list)

    @property
    def owner(self) -> str:
        """The organization."""
        return self.full_name.split("/")[0]

    @property
    def name(self) -> str:
        """The name without its owner."""
        return self.full_name.split("/")[1]


@dataclass(frozen=True)
class Comment:
    """A comment on a commit; `author` is whose budget it was written with."""

    id: int
    commit: str
    body: str
    author: str
    made: float


@dataclass
class Environment:
    """An environment of a repository; `policies` maps the id of a branch policy to its pattern and type."""

    id: int
    name: str
    settings: dict[str, object] = field(default_factory=dict)
    policies: dict[int, dict[str, str]] = field(default_factory=dict)
    variables: dict[str, dict[str, str]] = field(default_factory=dict)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    made: float = 0.0


@dataclass
class Group:
    """A runner group of an organization. `repositories` are ids; `settings` the fields that PATCH takes."""

    id: int
    organization: str
    settings: dict[str, object]
    repositories: list[int] = field(default_factory=list)
    default: bool = False


@dataclass
class Runner:
    """A just-in-time runner. `scope` is `owner/repository` or `owner`; `session` is "" while none is open."""

    id: int
    name: str
    scope: str
    group: int
    labels: tuple[str, ...]
    client_id: str
    key: rsa.RSAPrivateKey
    session: str = ""
    seen: float = 0.0
    job: int | None = None
    version: str | None = None
    made: float = 0.0


@dataclass
class Job:
    """One job of a run. `lines` is its log; times are seconds since the epoch, 0 where it has not happened."""

    id: int
    run: int
    plan: JobPlan
    made: float
    attempt: int = 1  # of the run that it is part of
    request: str = field(default_factory=lambda: str(uuid.uuid4()))
    plan_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    timeline: str = field(default_factory=lambda: str(uuid.uuid4()))
    token: str = field(default_factory=lambda: f"job-{uuid.uuid4().hex}")
    status: str = "queued"
    conclusion: str | None = None
    runner: Runner | None = None
    message: int = 0
    acknowledged: bool = False
    cancelled: bool = False
    locked_until: float = 0.0
    started: float = 0.0
    ended: float = 0.0
    lines: list[str] = field(default_factory=list)
    logs: dict[int, str] = field(default_factory=dict)
    steps: dict[str, dict[str, object]] = field(default_factory=dict)


@dataclass
class Run:
    """A run of a workflow. A job comes to exist when everything that it needs has ended.

    `ref` is the name of a branch or a tag, as GitHub shows both alike; `is_tag` is what it does not show. `head` is the
    repository that a pull request comes from, None for the run's own.
    """

    id: int
    number: int
    repository: Repository
    workflow: Workflow
    ref: str
    made: float
    inputs: dict[str, str] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    earlier: list[Job] = field(default_factory=list)  # of earlier attempts, whose place another job has taken
    event: str = "workflow_dispatch"
    commit: str = NEWEST_COMMIT
    is_tag: bool = False
    head: Repository | None = None
    attempt: int = 1
    is_held: bool = False  # by the concurrency of its workflow: it has no jobs yet
    is_cancelled: bool = False

    @property
    def status(self) -> str:
        """One of STATUSES: that of the least advanced job; jobs that are not made yet keep a run from its end."""
        if self.is_held:
            return "completed" if self.is_cancelled else "pending"
        least = min((job.status for job in self.jobs), key=STATUSES.index, default="queued")
        return "in_progress" if least == "completed" and len(self.jobs) < len(self.workflow.jobs) else least

    @property
    def conclusion(self) -> str | None:
        """`success`, `failure` or `cancelled`; None until it is completed."""
        if self.status != "completed":
            return None
        if self.is_held:
            return "cancelled"
        conclusions = {job.conclusion for job in self.jobs}
        return next((bad for bad in ("failure", "cancelled") if bad in conclusions), "success")


def new_key() -> rsa.RSAPrivateKey:
    """A runner's key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class World:
    """Everything that the stand-in knows. `base` is its own URL as runners reach it; `changed` wakes who waits.

    `new_key` makes a runner's key, which takes a tenth of a second.
    """

    def __init__(self, base: str = "http://127.0.0.1", new_key: Callable[[], rsa.RSAPrivateKey] = new_key) -> None:
        self.base, self._new_key = base, new_key
        self.clock = Clock()
        self.repositories: dict[str, Repository] = {}
        self.groups: dict[int, Group] = {}
        self.runners: dict[int, Runner] = {}
        self.runs: dict[int, Run] = {}
        self.deprecations: dict[str, str] = {}  # runner version → time from which it is refused
        self.conclusion_seconds = 0.0  # for how long the end of a job does not show yet
        self.plans: dict[str, str] = {}  # organization in lower case → plan, as GitHub names them
        self.self_hosted: dict[str, str] = {}  # organization in lower case → whose runners it allows: all or none
        self.changed = asyncio.Condition()
        self._last_id = 100

    def next_id(self) -> int:
        """A number that nothing else has."""
        self._last_id += 1
        return self._last_id

    def add_repository(self, full_name: str) -> Repository:
        """Makes a repository and, on first sight of it, its organization with the group Default."""
        repository = self.repositories.setdefault(full_name.lower(), Repository(self.next_id(), full_name))
        if not any(group.organization == repository.owner for group in self.groups.values()):
            identifier = DEFAULT_GROUP if not self.groups else self.next_id()
            settings: dict[str, object] = {"name": "Default", "visibility": "all", "allows_public_repositories": False}
            self.groups[identifier] = Group(identifier, repository.owner, settings, default=True)
        return repository

    def repository(self, full_name: str) -> Repository:
        """Raises Refusal 404."""
        repository = self.repositories.get(full_name.lower())
        if repository is None:
            raise Refusal(404, "Not Found")
        return repository

    def repository_by_id(self, identifier: str) -> Repository:
        """Raises Refusal 404."""
        for repository in self.repositories.values():
            if str(repository.id) == identifier:
                return repository
        raise Refusal(404, "Not Found")

    def lacks(self, repository: Repository, *plans: str) -> bool:
        """Whether it is without what these plans have in public repositories alone. An owner of no plan has all."""
        return repository.private and self.plans.get(repository.owner.lower()) in plans

    def group(self, organization: str, identifier: int) -> Group:
        """Raises Refusal 404."""
        group = self.groups.get(identifier)
        if group is None or group.organization.lower() != organization.lower():
            raise Refusal(404, "Not Found")
        return group

    def remove_group(self, group: Group) -> None:
        """Its runners go to the organization's default group."""
        default = next(it for it in self.groups.values() if it.default and it.organization == group.organization)
        for runner in self.runners.values():
            if runner.group == group.id:
                runner.group = default.id
        del self.groups[group.id]

    def is_online(self, runner: Runner) -> bool:
        """True while its session is open and it was heard of within a poll and a bit."""
        return bool(runner.session) and self.clock.now() - runner.seen < ONLINE_SECONDS

    def shown_status(self, job: Job) -> str:
        """A job's status as the API has it: its end shows late where the stand-in is told so."""
        is_late = job.status == "completed" and self.clock.now() < job.ended + self.conclusion_seconds
        return "in_progress" if is_late else job.status

    def shown_status_of_run(self, run: Run) -> str:
        """The same of a run."""
        is_late = any(self.shown_status(job) != job.status for job in run.jobs)
        return "in_progress" if is_late and run.status == "completed" else run.status

    def shown_conclusion_of_run(self, run: Run) -> str | None:
        """None until its end shows."""
        return run.conclusion if self.shown_status_of_run(run) == "completed" else None

    def forget_unused_runners(self) -> None:
        """What never connected within a day is gone, as at GitHub."""
        now = self.clock.now()
        for runner in list(self.runners.values()):
            if runner.version is None and now - runner.made > UNUSED_SECONDS:
                del self.runners[runner.id]

    def runners_of(self, scope: str) -> list[Runner]:
        """The runners of a scope, oldest first."""
        self.forget_unused_runners()
        return [runner for runner in self.runners.values() if runner.scope.lower() == scope.lower()]

    def runner_of(self, scope: str, identifier: int) -> Runner:
        """Raises Refusal 404."""
        self.forget_unused_runners()
        runner = self.runners.get(identifier)
        if runner is None or runner.scope.lower() != scope.lower():
            raise Refusal(404, "Not Found")
        return runner

    def add_runner(self, scope: str, name: str, group: int, labels: tuple[str, ...]) -> Runner:
        """Registers a single-use runner. Names and labels are compared without their case.

        Raises Refusal 409 where the name is taken, 422 for a bad one or for bad labels, 404 for an unknown group.
        """
        if self.self_hosted.get(scope.split("/", maxsplit=1)[0].lower()) == "none":
            raise Refusal(403, "")  # GitHub's whole answer: self-hosted runners are disabled
        if not 1 <= len(name) <= LONGEST_NAME:
            raise Refusal(422, f"Runner name must be between 1 and {LONGEST_NAME} characters.")
        if any(runner.name.lower() == name.lower() for runner in self.runners_of(scope)):
            raise Refusal(409, "Already exists - A runner with the name already exists.")
        if "/" in scope and group != DEFAULT_GROUP:
            raise Refusal(404, "Not Found")
        if "/" not in scope:
            self.group(scope, group)
        runner = Runner(self.next_id(), name, scope, group, labels, str(uuid.uuid4()), self._new_key())
        runner.made = self.clock.now()
        self.runners[runner.id] = runner
        return runner

    def remove_runner(self, runner: Runner) -> None:
        """Raises Refusal 422 while it has a job."""
        if runner.job is not None:
            raise Refusal(422, f"Runner {runner.name} is currently running a job and cannot be deleted.")
        del self.runners[runner.id]

    def job(self, identifier: int) -> Job:
        """Raises Refusal 404."""
        for run in self.runs.values():
            for job in (*run.jobs, *run.earlier):
                if job.id == identifier:
                    return job
        raise Refusal(404, "Not Found")

    def jobs(self) -> list[Job]:
        """Every job of every run, oldest first."""
        return [job for run in self.runs.values() for job in run.jobs]

    async def notify(self) -> None:
        """Wakes everyone who waits for a change."""
        async with self.changed:
            self.changed.notify_all()
