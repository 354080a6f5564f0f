"""Which runs of a repository go on: one page of the newest, whatever their status, tells it nearly always.

The page is one conditional request, and nearly always all there is. What may lie behind it is known from earlier pages,
and looked for by status where a look came too late, or a run of old is run again.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from registrar.forges.github.client import PAGE_SIZE
from registrar.forges.github.reading import of
from registrar.forges.github.session import Session
from registrar.untrusted import Entry
from values.scope import Scope

# Of runs that may have a job for a runner: one that waits for an approval may have others. One that is pending has none
# before it is queued.
STATUSES: Final = ("queued", "in_progress", "waiting")
COMPLETED: Final = "completed"
CENSUS_SECONDS: Final = 60.0  # between two lists by status of a repository with more than one page of runs
MOST_OLD: Final = 20  # runs behind the page that are asked for one by one
PAGES_AT_ONCE: Final = 8  # of all repositories: a page has two megabytes before what nobody needs is left out

Run = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What the last look at a repository saw: its newest run, and those that go on by their ids."""

    newest: int
    active: Mapping[int, Run]
    census_at: float


class ActiveRuns:
    """Remembers what it saw of each repository."""

    def __init__(self, session: Session, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._session, self._clock = session, clock
        self._seen: dict[Scope, _Seen] = {}
        self._slots = asyncio.Semaphore(PAGES_AT_ONCE)

    async def read(self, scope: Scope, repository: Scope) -> list[Run]:
        """Every run that is not completed. Raises ForgeError."""
        now = self._clock()
        page = await self._page(scope, repository)
        listed = {run_id(run): run for run in page}
        seen = self._seen.get(repository)
        behind: dict[int, Run] = {}
        census_at = now
        if len(page) >= PAGE_SIZE:
            overlaps = seen is not None and min(listed) <= seen.newest
            if seen is not None and overlaps and now - seen.census_at < CENSUS_SECONDS:
                old = {number: run for number, run in seen.active.items() if number not in listed}
                behind, census_at = await self._look_up(scope, repository, old), seen.census_at
            else:
                behind = await self._census(scope, repository)
        active = {number: run for number, run in {**behind, **listed}.items() if run.get("status") != COMPLETED}
        self._seen[repository] = _Seen(
            newest=max(listed, default=0), active=active, census_at=census_at
        )  # fmt: skip
        return [active[number] for number in sorted(active)]

    async def _page(self, scope: Scope, repository: Scope) -> list[Run]:
        path, query = f"{repository.api_path}/actions/runs", {"per_page": str(PAGE_SIZE)}
        async with self._slots:
            answer = await self._session.ask(scope, "runs", "GET", path, query=query)
        return [of(entry, lambda fields: fields.mapping) for entry in of(answer, _runs)]

    async def _look_up(self, scope: Scope, repository: Scope, old: Mapping[int, Run]) -> dict[int, Run]:
        """Asked for one by one; where they are many they count as they were until the next lists by status."""
        if len(old) > MOST_OLD:
            return dict(old)
        paths = [f"{repository.api_path}/actions/runs/{number}" for number in sorted(old)]
        answers = await asyncio.gather(*(self._session.find(scope, "run", path) for path in paths))
        return {run_id(entry.mapping): entry.mapping for entry in answers if entry is not None}

    async def _census(self, scope: Scope, repository: Scope) -> dict[int, Run]:
        path = f"{repository.api_path}/actions/runs"
        lists = await asyncio.gather(
            *(self._session.pages(scope, "runs", path, "workflow_runs", status=status) for status in STATUSES)
        )
        return {run_id(run): of(run, lambda fields: fields.mapping) for runs in lists for run in runs}


def run_id(run: Any) -> int:
    """The id of a run. Raises ForgeUnreachableError where it has none."""
    return of(run, lambda entry: entry.identifier("id"))


def workflow_file(run: Run) -> str:
    """The path of a run's workflow file; a reusable one's names its version behind it."""
    return of(run, lambda entry: entry.words("path")).partition("@")[0]


def _runs(entry: Entry) -> list[Entry]:
    return entry.entries("workflow_runs")
