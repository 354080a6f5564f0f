"""Jobs of a scope: GitHub lists them by run, and runs by repository, so what has not changed is not read again."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from registrar.forges.forge import Job
from registrar.forges.github.groups import Groups
from registrar.forges.github.reading import JOB_FIELDS, field, job
from registrar.forges.github.session import Session

ACTIVE: Final = ("in_progress", "queued")  # statuses of runs that may hold a job in progress or one that waits
# A run's own time need not move when one of its jobs does, so its jobs are read again after this. Nothing is lost by
# the delay: GitHub itself refuses to remove a runner that has a job.
KEEP_SECONDS: Final = 15.0
RECENT_RUNS: Final = 10  # newest first: where the job of a runner that just ended is looked for
REMEMBERED_RUNS: Final = 300


@dataclass(frozen=True, kw_only=True)
class _Seen:
    version: str
    at: float
    entries: tuple[dict[str, Any], ...]


class Jobs:
    """Reads jobs of all repositories that a scope's runners serve."""

    def __init__(self, session: Session, groups: Groups, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._session, self._groups, self._clock = session, groups, clock
        self._seen: OrderedDict[str, _Seen] = OrderedDict()

    async def with_status(self, scope: str, status: str) -> tuple[Job, ...]:
        """Jobs of runs that go on, in one status: "in_progress" or "queued"."""
        found: list[Job] = []
        for repository in await self._groups.repositories(scope):
            entries = await self._active(scope, repository, keep=KEEP_SECONDS)
            found += [self._job(scope, repository, entry) for entry in entries if entry.get("status") == status]
        return tuple(found)

    async def by_id(self, scope: str, job_id: str) -> Job | None:
        """A job by the id that `Job.id` gave, None if GitHub does not have it."""
        name, _, number = job_id.rpartition("/")
        if not number.isdecimal() or ("/" in scope) == bool(name):
            return None
        repository = scope if "/" in scope else f"{scope}/{name}"
        entry = await self._session.find(scope, "result", f"/repos/{repository}/actions/jobs/{number}")
        return None if entry is None else self._job(scope, repository, entry)

    async def of_runner(self, scope: str, runner_id: int) -> Job | None:
        """The job that a runner has or had lately, read afresh."""
        for repository in await self._groups.repositories(scope):
            active = await self._active(scope, repository, keep=0.0)
            found = self._of_runner(scope, repository, runner_id, active)
            if found is None:
                recent = {"status": "completed", "per_page": str(RECENT_RUNS)}
                path = f"/repos/{repository}/actions/runs"
                answer = await self._session.ask(scope, "result", "GET", path, query=recent)
                ended = await self._entries(scope, repository, field(answer, "workflow_runs"), keep=float("inf"))
                found = self._of_runner(scope, repository, runner_id, ended)
            if found is not None:
                return found
        return None

    def _of_runner(self, scope: str, repository: str, runner_id: int, entries: Iterable[Any]) -> Job | None:
        mine = [entry for entry in entries if entry.get("runner_id") == runner_id]
        return self._job(scope, repository, mine[-1]) if mine else None

    async def _active(self, scope: str, repository: str, *, keep: float) -> list[dict[str, Any]]:
        path = f"/repos/{repository}/actions/runs"
        lists = [await self._session.pages(scope, "runs", path, "workflow_runs", status=status) for status in ACTIVE]
        runs = {field(run, "id"): run for runs in lists for run in runs}  # one may have moved between both
        return await self._entries(scope, repository, runs.values(), keep=keep)

    async def _entries(self, scope: str, repository: str, runs: Iterable[Any], *, keep: float) -> list[dict[str, Any]]:
        found = await asyncio.gather(*(self._of_run(scope, repository, run, keep) for run in runs))
        return [entry for entries in found for entry in entries]

    async def _of_run(self, scope: str, repository: str, run: Any, keep: float) -> tuple[dict[str, Any], ...]:
        key = f"{repository}/{field(run, 'id')}"
        version = f"{run.get('run_attempt')} {run.get('status')} {run.get('updated_at')}"
        seen = self._seen.get(key)
        if seen is None or seen.version != version or self._clock() - seen.at >= keep:
            path = f"/repos/{repository}/actions/runs/{run['id']}/jobs"
            entries = await self._session.pages(scope, "jobs", path, "jobs")
            slim = tuple({name: entry.get(name) for name in JOB_FIELDS} for entry in entries)
            seen = self._seen[key] = _Seen(version=version, at=self._clock(), entries=slim)
        self._seen.move_to_end(key)
        while len(self._seen) > REMEMBERED_RUNS:
            self._seen.popitem(last=False)
        return seen.entries

    @staticmethod
    def _job(scope: str, repository: str, entry: Any) -> Job:
        return job(entry, "" if "/" in scope else f"{repository.partition('/')[2]}/")
