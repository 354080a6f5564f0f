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

from registrar.forges.forge import ForgeError, Job
from registrar.forges.github.active_runs import ActiveRuns, run_id, workflow_file
from registrar.forges.github.client import GitHubRefusedError
from registrar.forges.github.groups import Groups
from registrar.forges.github.left_runs import LeftRuns
from registrar.forges.github.reading import JOB_FIELDS, of
from registrar.forges.github.run_jobs import AtWork, IsGood, RunJobs, good_among, good_for_a_runner, job_of, run_jobs
from registrar.forges.github.session import Session
from registrar.forges.github.unreadable import Unreadable, is_unreadable
from registrar.logs import log
from registrar.untrusted import Entry
from values.scope import Scope

PATIENCE_SECONDS: Final = 0.3  # that a look waits for fresh jobs before it takes those that are known
FIRST_PATIENCE_SECONDS: Final = 2.0  # the same of the first look after a start
QUEUE_PATIENCE_SECONDS: Final = 5.0  # the same of the queue, for which nobody stands still
RECENT_RUNS: Final = 10  # newest first: where the job of a runner that just ended is looked for
REMEMBERED_RUNS: Final = 500  # beside those that go on, and no more than twice the recent ones of each repository
REPOSITORIES_AT_ONCE: Final = 20
REPOSITORIES_A_SECOND: Final = 4.0  # for long: a page of runs each
# That a repository among others is waited for which answers with errors alone: else no runner's end would be known.
TROUBLE_SECONDS: Final = 1800.0
SAME_TROUBLE_SECONDS: Final = 120.0  # between two errors of one trouble: it is asked twice a minute
RUNS_AT_ONCE: Final = 2  # of a repository; few: a runner that is looked up must not stand in line behind all runs


GroupNames = frozenset[str | None] | None  # the groups that may take a run's jobs, None where there are none


@dataclass(kw_only=True)
class ScopeJobs:
    """What is known of one scope."""

    known: bool = False
    active: dict[Scope, dict[str, GroupNames]] = field(default_factory=dict)  # by repository: its runs that go on
    answers: dict[str, tuple[int, tuple[Job, ...]]] = field(default_factory=dict)  # by status; since which change
    error: ForgeError | None = None
    refresh: asyncio.Task[None] | None = None
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    at_work: AtWork = field(default_factory=AtWork)
    read_at: float = float("-inf")  # when the last reading of every run began
    refreshed_at: float = float("-inf")
    troubled: dict[Scope, tuple[float, float]] = field(default_factory=dict)  # since when, and seen so when last

    def is_awaited(self, repository: Scope, now: float) -> bool:
        """Notes that a repository is in trouble. Whether it has not been for too long."""
        since, last = self.troubled.get(repository, (now, now))
        if now - last > SAME_TROUBLE_SECONDS:
            since = now
        self.troubled[repository] = since, now
        return now - since < TROUBLE_SECONDS

    @property
    def going_on(self) -> int:
        """How many runs go on."""
        return sum(map(len, self.active.values()))

    def is_good(self) -> IsGood:
        """How old its runs' jobs may be."""
        return good_among(self.going_on, lambda: self.at_work)

    def is_good_for_a_runner(self) -> IsGood:
        """The same where the job of a runner that just ended is looked for."""
        return good_for_a_runner(self.going_on, lambda: self.at_work)


def _version(run: Any) -> str:
    return " ".join(f"{run.get(name)}"[:64] for name in ("run_attempt", "status", "updated_at"))


def _was_read(run: RunJobs, _: float) -> bool:
    return not run.is_doubted


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
        self._active, self._left = ActiveRuns(session, clock=clock), LeftRuns()
        self._runs: OrderedDict[str, RunJobs] = OrderedDict()
        self._scopes: dict[Scope, ScopeJobs] = {}
        self._reading: dict[str, asyncio.Lock] = {}
        self._changes = 0  # of what is known: while nothing has changed, answers are those of before

    async def close(self) -> None:
        """Stop reading."""
        tasks = [scope.refresh for scope in self._scopes.values() if scope.refresh is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def with_status(self, scope: Scope, status: str, *, patience: float = PATIENCE_SECONDS) -> tuple[Job, ...]:
        """Jobs of runs that go on, in one status: "in_progress" or "queued"; those known when patience ends."""
        place = self._scopes.setdefault(scope, ScopeJobs())
        if place.refresh is None or (place.refresh.done() and self._is_due(place)):
            place.refreshed_at = self._clock()
            place.refresh = asyncio.create_task(self._refresh(scope, place))
        await asyncio.wait([place.refresh], timeout=patience if place.known else max(patience, FIRST_PATIENCE_SECONDS))
        if place.error is not None:
            raise place.error
        known = place.answers.get(status)
        if known is None or known[0] != self._changes:
            known = place.answers[status] = (self._changes, self._with_status(scope, place, status))
        return known[1]

    def _with_status(self, scope: Scope, place: ScopeJobs, status: str) -> tuple[Job, ...]:
        """Of a silent repository only those that a runner has: these go on, whatever GitHub can tell of them."""
        return tuple(
            replace(job, groups=groups) if groups is not None else job
            for repository, runs in place.active.items()
            for key, groups in runs.items()
            for job, entry in zip(self._parsed(scope, repository, key), self._known([key]), strict=True)
            if entry.words("status") == status
            and (job.runner_id is not None or not self._unreadable.is_silent(scope, repository))
        )

    def _is_due(self, place: ScopeJobs) -> bool:
        """Whether its repositories may be read again; where the last time failed, as soon as anybody asks."""
        wait = len(place.active) / REPOSITORIES_A_SECOND if len(place.active) > 1 and place.error is None else 0.0
        return self._clock() - place.refreshed_at >= wait

    async def _refresh(self, scope: Scope, place: ScopeJobs) -> None:
        try:
            await self._read_active(scope, place, is_good=place.is_good())
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
        job = job_of(scope, repository, entry)
        if job.conclusion:
            self._doubt(f"{repository} {job.run_id}")
        return job

    def note_at_work(self, scope: Scope, runners: frozenset[int], seconds_ago: float) -> None:
        """These single-use runners had a job by a list of so long ago, and no others."""
        self._scopes.setdefault(scope, ScopeJobs()).at_work = AtWork(at=self._clock() - seconds_ago, runners=runners)

    def _doubt(self, key: str) -> None:
        """Read a run's jobs again at the next look: one of them has ended, and others may wait for that."""
        if key in self._runs:
            self._runs[key] = self._runs[key].doubted()

    async def of_runner(self, scope: Scope, runner_id: int) -> Job | None:
        """The job that a runner has or had lately, read afresh."""
        place = self._scopes.setdefault(scope, ScopeJobs())
        asked = self._clock()
        async with place.reading:
            if place.read_at < asked:  # else somebody read everything since, who asked at the same time
                began = self._clock()
                await self._read_active(scope, place, is_good=place.is_good_for_a_runner())
                place.read_at = began
        repositories = await self._groups.repositories(scope)
        for repository in repositories:
            job = self._of_runner(scope, repository, runner_id, self._known(place.active.get(repository, ())))
            if job is not None:
                return job
        return await self._among_recent(scope, repositories, runner_id)

    async def _among_recent(self, scope: Scope, repositories: Iterable[Scope], runner_id: int) -> Job | None:
        """Raises ForgeError where it is in none that gives an answer, and others give none, or all are in trouble."""
        errors: list[ForgeError] = []
        place, is_awaited, is_answered = self._scopes[scope], False, False
        for repository in repositories:
            if self._unreadable.left_out(scope, repository) is not None:
                continue
            try:
                job = await self._among_recent_of(scope, repository, runner_id)
            except ForgeError as error:
                errors.append(error)
                is_awaited = place.is_awaited(repository, self._clock()) or is_awaited
                continue
            is_answered = True
            place.troubled.pop(repository, None)
            if job is not None:
                return job
        if errors and (is_awaited or not is_answered):
            raise errors[0]
        return None

    async def _among_recent_of(self, scope: Scope, repository: Scope, runner_id: int) -> Job | None:
        """In the newest runs that are over, then in those that went on a moment ago, however many are newer than they.

        None as well where the repository cannot be read.
        """
        recent = {"status": "completed", "per_page": str(RECENT_RUNS)}
        path = f"{repository.api_path}/actions/runs"
        try:
            answer = await self._session.ask(scope, "result", "GET", path, query=recent)
            runs = of(answer, lambda entry: entry.values("workflow_runs"))
            keys = await self._read_runs(scope, repository, runs, is_good=_was_read)
            job = self._of_runner(scope, repository, runner_id, self._known(keys))
            left = self._left.last(repository, but=keys) if job is None else []
            while left and job is None:
                keys = await self._read_runs(scope, repository, [left.pop()], is_good=_was_read)
                job = self._of_runner(scope, repository, runner_id, self._known(keys))
        except ForgeError as error:
            if not is_unreadable(scope, error):
                raise
            self._unreadable.add(scope, repository, error)
            return None
        return job

    def _known(self, keys: Iterable[str]) -> list[Entry]:
        return [entry for key in keys if key in self._runs for entry in self._runs[key].jobs]

    def _parsed(self, scope: Scope, repository: Scope, key: str) -> tuple[Job, ...]:
        run = self._runs.get(key)
        return () if run is None else run.named(scope, repository)

    def _of_runner(self, scope: Scope, repository: Scope, runner_id: int, entries: Iterable[Entry]) -> Job | None:
        mine = [entry for entry in entries if entry.identifier_or_none("runner_id") == runner_id]
        return job_of(scope, repository, mine[-1]) if mine else None

    async def _read_active(self, scope: Scope, place: ScopeJobs, *, is_good: IsGood) -> None:
        """Read runs that go on, and their jobs. Raises ForgeError where no repository at all gives an answer."""
        repositories = await self._groups.repositories(scope)
        self._unreadable.keep(scope, repositories)
        asked = [it for it in repositories if self._unreadable.left_out(scope, it) is None]
        slots = asyncio.Semaphore(REPOSITORIES_AT_ONCE)

        async def read(repository: Scope) -> ForgeError | None:
            async with slots:
                return await self._read_repository(scope, place, repository, is_good)

        errors = [error for error in await asyncio.gather(*map(read, repositories)) if error is not None]
        if any(self._unreadable.left_out(scope, repository) is not None for repository in asked):
            self._groups.forget(scope)  # one that could not be read may have another name by now
        for gone in place.troubled.keys() - set(repositories):
            del place.troubled[gone]
        for gone in place.active.keys() - set(repositories):
            self._put_active(place, gone, None)
        for known in (self._active, self._left):
            known.keep({repository for each in self._scopes.values() for repository in each.active})
        self._forget_old()
        if errors and len(errors) == len(repositories):
            raise errors[0]

    def _put_active(self, place: ScopeJobs, repository: Scope, runs: dict[str, GroupNames] | None) -> None:
        """None: nothing is known of it any more."""
        if place.active.get(repository) == runs:
            return
        self._changes += 1
        self._left.note(repository, place.active.get(repository, ()), runs or ())
        if runs is None:
            del place.active[repository]
        else:
            place.active[repository] = runs

    def _forget_old(self) -> None:
        """Of the runs that are over, those that were looked at the longest ago."""
        active = {key for place in self._scopes.values() for runs in place.active.values() for key in runs}
        over = [key for key in self._runs if key not in active and key not in self._left]
        repositories = sum(len(place.active) for place in self._scopes.values())
        most = min(REMEMBERED_RUNS, 2 * RECENT_RUNS * max(1, repositories))
        for key in over[: max(0, len(over) - most)]:
            del self._runs[key]
        self._reading = {key: lock for key, lock in self._reading.items() if lock.locked()}

    async def _read_repository(
        self, scope: Scope, place: ScopeJobs, repository: Scope, is_good: IsGood
    ) -> ForgeError | None:
        """Returns why it gives no answer, None where it does. What is known of one that cannot be read is dropped."""
        why = self._unreadable.left_out(scope, repository)
        if why is not None:
            return why
        try:
            runs = await self._active.read(scope, repository)
            files = {self._key(repository, run): workflow_file(run) for run in runs}
            groups = {
                file: await self._groups.serving(scope, repository, file) for file in dict.fromkeys(files.values())
            }
            self._put_active(place, repository, {key: groups[file] for key, file in files.items()})
            await self._read_runs(scope, repository, runs, is_good=is_good)
        except ForgeError as error:
            if is_unreadable(scope, error):
                self._put_active(place, repository, None)
                self._unreadable.add(scope, repository, error)
            else:
                log("jobs unknown", level=logging.WARNING, scope=scope, repository=repository, error=str(error))
                self._changes += self._unreadable.fails(scope, repository, error)
            return error
        self._changes += self._unreadable.remove(scope, repository)
        return None

    async def _read_runs(
        self, scope: Scope, repository: Scope, runs: Iterable[Any], *, is_good: IsGood
    ) -> tuple[str, ...]:
        """Read the jobs of those of which they are not known well enough. Returns the keys of all."""
        slots, keys = asyncio.Semaphore(RUNS_AT_ONCE), []

        async def read(key: str, run: Any) -> None:
            async with slots:
                await self._read_run(scope, repository, key, run, is_good=is_good)

        reads = []
        for run in runs:
            key = self._key(repository, run)
            keys.append(key)
            if self._is_known(key, run, is_good):
                self._runs.move_to_end(key)
            else:
                reads.append(read(key, run))
        await asyncio.gather(*reads)
        return tuple(keys)

    def _is_known(self, key: str, run: Any, is_good: IsGood, *, asked: float = float("inf")) -> bool:
        """Whether its jobs were read since this moment, or a while ago and it has not changed since."""
        known = self._runs.get(key)
        if known is None or known.version != _version(run):
            return False
        return known.at > asked or is_good(known, self._clock())

    async def _read_run(self, scope: Scope, repository: Scope, key: str, run: Any, *, is_good: IsGood) -> None:
        asked = self._clock()
        async with self._reading.setdefault(key, asyncio.Lock()):  # two who ask for it at the same time read it once
            if not self._is_known(key, run, is_good, asked=asked):
                await self._read_run_alone(scope, repository, key, run)
        self._runs.move_to_end(key)

    async def _read_run_alone(self, scope: Scope, repository: Scope, key: str, run: Any) -> None:
        at, path = self._clock(), f"{repository.api_path}/actions/runs/{run_id(run)}/jobs"
        try:
            entries = await self._session.pages(scope, "jobs", path, "jobs")
        except GitHubRefusedError as error:
            if error.status != 404:
                raise
            entries = []  # somebody deleted the run since it was listed
        known, slim = self._runs.get(key), tuple(of(entry, self._slim) for entry in entries)
        jobs = run_jobs(_version(run), at, slim, known)
        jobs.named(scope, repository)  # here one that cannot be read costs its repository, and no other
        self._runs[key] = jobs
        self._changes += known is None or known.jobs is not jobs.jobs

    @staticmethod
    def _key(repository: Scope, run: Any) -> str:
        return f"{repository} {run_id(run)}"

    @staticmethod
    def _slim(entry: Entry) -> Entry:
        return entry.only(JOB_FIELDS)
