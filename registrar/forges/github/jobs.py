"""Jobs of a scope: GitHub lists them by run, and runs by repository, so what has not changed is not read again.

Hundreds of runs take a minute to read at the speed that GitHub allows, and nobody may wait for that: the jobs in
progress are read beside everything else, and who asks gets what is known by then. Nothing is lost by the delay: GitHub
itself refuses to remove a runner that has a job.

A repository of an organization that cannot be read costs only itself.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from registrar.forges.answers import read_job
from registrar.forges.forge import ForgeError, Job
from registrar.forges.github.active_runs import ActiveRuns, run_id, workflow_file
from registrar.forges.github.client import GitHubRefusedError
from registrar.forges.github.groups import Groups
from registrar.forges.github.reading import JOB_FIELDS, of
from registrar.forges.github.session import Session
from registrar.forges.github.unreadable import Unreadable, is_unreadable
from registrar.logs import log
from registrar.untrusted import Entry, words
from values.scope import Scope

# A run's own time need not move when one of its jobs does, so its jobs are read again after this; where many runs go
# on, after as long as that many take at this speed, which leaves two thirds of what GitHub allows in a minute.
KEEP_SECONDS: Final = 15.0
RUNS_A_SECOND: Final = 3.0
FEW_RUNS: Final = 40  # that are all read afresh for a runner that just ended: it takes seconds
PATIENCE_SECONDS: Final = 0.3  # that a look waits for fresh jobs before it takes those that are known
FIRST_PATIENCE_SECONDS: Final = 2.0  # the same of the first look after a start
QUEUE_PATIENCE_SECONDS: Final = 5.0  # the same of the queue, for which nobody stands still
RECENT_RUNS: Final = 10  # newest first: where the job of a runner that just ended is looked for
REMEMBERED_RUNS: Final = 500  # beside those that go on
REPOSITORIES_AT_ONCE: Final = 20
REPOSITORIES_A_SECOND: Final = 4.0  # for long: a page of runs each
RUNS_AT_ONCE: Final = 2  # of a repository; few: a runner that is looked up must not stand in line behind all runs


@dataclass(frozen=True, kw_only=True)
class _Run:
    """A run's jobs as of `at`; `version` tells whether it has changed since. `parsed`: as each scope names them."""

    version: str
    at: float
    jobs: tuple[Entry, ...]
    parsed: dict[Scope, tuple[Job, ...]] = field(default_factory=dict, compare=False)

    @property
    def is_settled(self) -> bool:
        """Whether each of its jobs has a runner, or has ended: none of them will come to another runner."""
        return all(
            entry.words("status") == "completed" or entry.identifier_or_none("runner_id") is not None
            for entry in self.jobs
        )


Keep = Callable[[_Run], float]  # for how long what is known of a run that has not changed is good


@dataclass(kw_only=True)
class _Scope:
    """What is known of one scope."""

    known: bool = False
    active: dict[Scope, tuple[str, ...]] = field(default_factory=dict)  # by repository: keys of its runs that go on
    groups: dict[str, frozenset[str | None] | None] = field(
        default_factory=dict
    )  # by run: those that may take its jobs
    error: ForgeError | None = None
    refresh: asyncio.Task[None] | None = None
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    read_at: float = float("-inf")  # when the last reading of every run began
    refreshed_at: float = float("-inf")


def _keep_seconds(place: _Scope) -> float:
    return max(KEEP_SECONDS, sum(map(len, place.active.values())) / RUNS_A_SECOND)


def _keep_for_a_runner(place: _Scope) -> Keep:
    """All afresh where that takes seconds, else those that may have a job for a runner."""
    is_many = sum(map(len, place.active.values())) > FEW_RUNS
    return lambda run: _keep_seconds(place) if is_many and run.is_settled else 0.0


def repository_of(scope: Scope, job: Job) -> tuple[Scope, str]:
    """A job's repository, and its number there."""
    name, _, number = job.id.rpartition("/")
    return (scope.within(name) if name else scope), number


class Jobs:
    """Reads jobs of all repositories that a scope's runners serve."""

    def __init__(
        self, session: Session, groups: Groups, unreadable: Unreadable, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._session, self._groups, self._unreadable, self._clock = session, groups, unreadable, clock
        self._active = ActiveRuns(session, clock=clock)
        self._runs: OrderedDict[str, _Run] = OrderedDict()
        self._scopes: dict[Scope, _Scope] = {}
        self._reading: dict[str, asyncio.Lock] = {}

    async def close(self) -> None:
        """Stop reading."""
        tasks = [scope.refresh for scope in self._scopes.values() if scope.refresh is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def with_status(self, scope: Scope, status: str, *, patience: float = PATIENCE_SECONDS) -> tuple[Job, ...]:
        """Jobs of runs that go on, in one status: "in_progress" or "queued"; those known when patience ends."""
        place = self._scopes.setdefault(scope, _Scope())
        if place.refresh is None or (place.refresh.done() and self._is_due(place)):
            place.refreshed_at = self._clock()
            place.refresh = asyncio.create_task(self._refresh(scope, place))
        await asyncio.wait([place.refresh], timeout=patience if place.known else max(patience, FIRST_PATIENCE_SECONDS))
        if place.error is not None:
            raise place.error
        return tuple(
            replace(job, groups=place.groups[key]) if place.groups.get(key) is not None else job
            for repository, keys in place.active.items()
            for key in keys
            for job, entry in zip(self._parsed(scope, repository, key), self._known([key]), strict=True)
            if entry.words("status") == status
        )

    def _is_due(self, place: _Scope) -> bool:
        """Whether its repositories may be read again; where the last time failed, as soon as anybody asks."""
        wait = len(place.active) / REPOSITORIES_A_SECOND if len(place.active) > 1 and place.error is None else 0.0
        return self._clock() - place.refreshed_at >= wait

    async def _refresh(self, scope: Scope, place: _Scope) -> None:
        try:
            await self._read_active(scope, place, keep=lambda _: _keep_seconds(place))
            place.error, place.known = None, True
        except ForgeError as error:
            place.error = error

    async def by_id(self, scope: Scope, job_id: str) -> Job | None:
        """A job by the id that `Job.id` gave, None if GitHub does not have it."""
        name, _, number = job_id.rpartition("/")
        if not number.isdecimal() or "/" in name or scope.is_repository == bool(name):
            return None
        repository = scope if scope.is_repository else scope.within(name)
        try:
            entry = await self._session.find(scope, "result", f"{repository.api_path}/actions/jobs/{number}")
        except ForgeError as error:
            if not is_unreadable(scope, error):
                raise
            self._unreadable.add(scope, repository, error)
            return None
        if entry is None:
            return None
        job = self._job(scope, repository, entry)
        if job.conclusion:
            self._doubt(f"{repository} {job.run_id}")
        return job

    def _doubt(self, key: str) -> None:
        """Read a run's jobs again at the next look: one of them has ended, and others may wait for that."""
        if key in self._runs:
            self._runs[key] = replace(self._runs[key], at=float("-inf"))

    async def of_runner(self, scope: Scope, runner_id: int) -> Job | None:
        """The job that a runner has or had lately, read afresh."""
        place = self._scopes.setdefault(scope, _Scope())
        asked = self._clock()
        async with place.reading:
            if place.read_at < asked:  # else somebody read everything since, who asked at the same time
                began = self._clock()
                await self._read_active(scope, place, keep=_keep_for_a_runner(place))
                place.read_at = began
        for repository in await self._groups.repositories(scope):
            job = self._of_runner(scope, repository, runner_id, self._known(place.active.get(repository, ())))
            if job is None and self._unreadable.left_out(scope, repository) is None:
                job = self._of_runner(scope, repository, runner_id, self._known(await self._recent(scope, repository)))
            if job is not None:
                return job
        return None

    async def _recent(self, scope: Scope, repository: Scope) -> tuple[str, ...]:
        """Keys of the runs that ended last, none where the repository cannot be read."""
        recent = {"status": "completed", "per_page": str(RECENT_RUNS)}
        path = f"{repository.api_path}/actions/runs"
        try:
            answer = await self._session.ask(scope, "result", "GET", path, query=recent)
            runs = of(answer, lambda entry: entry.values("workflow_runs"))
            return await self._read_runs(scope, repository, runs, keep=lambda _: float("inf"))
        except ForgeError as error:
            if not is_unreadable(scope, error):
                raise
            self._unreadable.add(scope, repository, error)
            return ()

    def _known(self, keys: Iterable[str]) -> list[Entry]:
        return [entry for key in keys if key in self._runs for entry in self._runs[key].jobs]

    def _parsed(self, scope: Scope, repository: Scope, key: str) -> tuple[Job, ...]:
        """A run's jobs, each read once: there are hundreds, and somebody asks for them every other second."""
        run = self._runs.get(key)
        if run is None:
            return ()
        if scope not in run.parsed:
            run.parsed[scope] = tuple(self._job(scope, repository, entry) for entry in run.jobs)
        return run.parsed[scope]

    def _of_runner(self, scope: Scope, repository: Scope, runner_id: int, entries: Iterable[Entry]) -> Job | None:
        mine = [entry for entry in entries if entry.identifier_or_none("runner_id") == runner_id]
        return self._job(scope, repository, mine[-1]) if mine else None

    async def _read_active(self, scope: Scope, place: _Scope, *, keep: Keep) -> None:
        """Read runs that go on, and their jobs. Raises ForgeError where no repository at all gives an answer."""
        repositories = await self._groups.repositories(scope)
        self._unreadable.keep(scope, repositories)
        slots = asyncio.Semaphore(REPOSITORIES_AT_ONCE)

        async def read(repository: Scope) -> ForgeError | None:
            async with slots:
                return await self._read_repository(scope, place, repository, keep)

        errors = [error for error in await asyncio.gather(*map(read, repositories)) if error is not None]
        for gone in place.active.keys() - set(repositories):
            del place.active[gone]
        going_on = self._going_on(place)
        self._forget_old()
        place.groups = {key: groups for key, groups in place.groups.items() if key in going_on}
        if errors and len(errors) == len(repositories):
            raise errors[0]

    @staticmethod
    def _going_on(place: _Scope) -> set[str]:
        return {key for keys in place.active.values() for key in keys}

    def _forget_old(self) -> None:
        """Of the runs that are over, those that were looked at the longest ago."""
        active = set[str]().union(*map(self._going_on, self._scopes.values()))
        over = [key for key in self._runs if key not in active]
        for key in over[: max(0, len(over) - REMEMBERED_RUNS)]:
            del self._runs[key]
        self._reading = {key: lock for key, lock in self._reading.items() if lock.locked()}

    async def _read_repository(self, scope: Scope, place: _Scope, repository: Scope, keep: Keep) -> ForgeError | None:
        """Returns why it gives no answer, None where it does. What is known of one that cannot be read is dropped."""
        why = self._unreadable.left_out(scope, repository)
        if why is not None:
            return why
        try:
            runs = await self._active.read(scope, repository)
            for run in runs:
                groups = await self._groups.serving(scope, repository, workflow_file(run))
                place.groups[self._key(repository, run)] = groups
            place.active[repository] = tuple(self._key(repository, run) for run in runs)
            await self._read_runs(scope, repository, runs, keep=keep)
        except ForgeError as error:
            if is_unreadable(scope, error):
                place.active.pop(repository, None)
                self._unreadable.add(scope, repository, error)
            else:
                log("jobs unknown", level=logging.WARNING, scope=scope, repository=repository, error=str(error))
            return error
        self._unreadable.remove(scope, repository)
        return None

    async def _read_runs(self, scope: Scope, repository: Scope, runs: Iterable[Any], *, keep: Keep) -> tuple[str, ...]:
        slots = asyncio.Semaphore(RUNS_AT_ONCE)

        async def read(run: Any) -> str:
            async with slots:
                return await self._read_run(scope, repository, run, keep)

        return tuple(await asyncio.gather(*map(read, runs)))

    async def _read_run(self, scope: Scope, repository: Scope, run: Any, keep: Keep) -> str:
        key = self._key(repository, run)
        version = " ".join(f"{run.get(name)}"[:64] for name in ("run_attempt", "status", "updated_at"))
        asked = self._clock()
        async with self._reading.setdefault(key, asyncio.Lock()):  # two who ask for it at the same time read it once
            await self._read_run_alone(scope, repository, run, version=version, asked=asked, keep=keep)
        self._runs.move_to_end(key)
        return key

    async def _read_run_alone(
        self, scope: Scope, repository: Scope, run: Any, *, version: str, asked: float, keep: Keep
    ) -> None:
        key, at = self._key(repository, run), self._clock()
        known = self._runs.get(key)
        is_known = known is not None and known.version == version
        if known is None or not (is_known and (known.at > asked or at - known.at < keep(known))):
            path = f"{repository.api_path}/actions/runs/{run_id(run)}/jobs"
            try:
                entries = await self._session.pages(scope, "jobs", path, "jobs")
            except GitHubRefusedError as error:
                if error.status != 404:
                    raise
                entries = []  # somebody deleted the run since it was listed
            slim = tuple(of(entry, self._slim) for entry in entries)
            self._runs[key] = _Run(version=version, at=at, jobs=slim)

    @staticmethod
    def _key(repository: Scope, run: Any) -> str:
        return f"{repository} {run_id(run)}"

    @staticmethod
    def _slim(entry: Entry) -> Entry:
        return entry.only(JOB_FIELDS)

    @staticmethod
    def _job(scope: Scope, repository: Scope, entry: Any) -> Job:
        prefix = "" if scope.is_repository else f"{words(repository.repository, most=100)}/"
        return of(entry, lambda fields: read_job(fields, prefix))
