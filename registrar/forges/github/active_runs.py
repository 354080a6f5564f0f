"""Which runs of a repository go on: one page of the newest, whatever their status, tells it nearly always.

The page is one conditional request, and nearly always all there is. What may lie behind it is known from earlier pages,
and looked for by status where a look came too late, or a run of old is run again. These lists hold what is older than
a moment within the page alone: else each run that begins or ends would change them, and count once more.
"""

import asyncio
import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from registrar.forges.github.client import PAGE_SIZE
from registrar.forges.github.reading import of
from registrar.forges.github.session import Session
from values.scope import Scope

# Of runs that may have a job for a runner: one that waits for an approval may have others. One that is pending has none
# before it is queued.
STATUSES: Final = ("queued", "in_progress", "waiting")
COMPLETED: Final = "completed"
CENSUS_SECONDS: Final = 60.0  # between two lists by status of a repository with more than one page of runs
MOST_OLD: Final = 20  # runs behind the page that are asked for one by one
NEW_RUNS: Final = 25  # that may come until the lists by status begin at another moment, and count anew
PAGES_AT_ONCE: Final = 8  # of all repositories: a page has two megabytes before what nobody needs is left out

Run = Mapping[str, Any]
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What the last look at a repository saw: its newest run, and those that go on by their ids.

    until: a moment as GitHub writes it, up to which runs are listed by status; "" for all of them.
    """

    newest: int
    active: Mapping[int, Run]
    census_at: float
    until: str


class ActiveRuns:
    """Remembers what it saw of each repository."""

    def __init__(self, session: Session, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._session, self._clock = session, clock
        self._seen: dict[Scope, _Seen] = {}
        self._pages: dict[Scope, tuple[list[Any], Mapping[int, Run]]] = {}
        self._slots = asyncio.Semaphore(PAGES_AT_ONCE)

    async def read(self, scope: Scope, repository: Scope) -> list[Run]:
        """Every run that is not completed. Raises ForgeError."""
        now = self._clock()
        listed = await self._page(scope, repository)
        seen = self._seen.get(repository)
        behind: dict[int, Run] = {}
        census_at, until = now, ""
        if len(listed) >= PAGE_SIZE:
            overlaps = seen is not None and min(listed) <= seen.newest
            if seen is not None and overlaps and now - seen.census_at < CENSUS_SECONDS:
                old = {number: run for number, run in seen.active.items() if number not in listed}
                behind, census_at, until = await self._look_up(scope, repository, old), seen.census_at, seen.until
            else:
                until = _until(listed.values(), seen.until if seen is not None else "")
                behind = await self._census(scope, repository, until)
        active = {number: run for number, run in {**behind, **listed}.items() if run.get("status") != COMPLETED}
        self._seen[repository] = _Seen(
            newest=max(listed, default=0), active=active, census_at=census_at, until=until
        )  # fmt: skip
        return [active[number] for number in sorted(active)]

    def keep(self, repositories: Collection[Scope]) -> None:
        """Forget all others: an organization has a thousand, of which those that were pushed to last are looked at."""
        for known in (self._seen, self._pages):
            for gone in known.keys() - set(repositories):
                del known[gone]

    @property
    def remembered(self) -> int:
        """Of how many repositories it knows anything."""
        return len(self._seen.keys() | self._pages.keys())

    async def _page(self, scope: Scope, repository: Scope) -> Mapping[int, Run]:
        """The newest by their ids; the very same as before where GitHub says that nothing has changed."""
        path, query = f"{repository.api_path}/actions/runs", {"per_page": str(PAGE_SIZE)}
        async with self._slots:
            answer = await self._session.ask(scope, "runs", "GET", path, query=query)
        runs = of(answer, lambda entry: entry.values("workflow_runs"))
        known = self._pages.get(repository)
        if known is None or known[0] is not runs:
            known = runs, {run_id(run): of(run, lambda fields: fields.mapping) for run in runs}
            self._pages[repository] = known
        return known[1]

    async def _look_up(self, scope: Scope, repository: Scope, old: Mapping[int, Run]) -> dict[int, Run]:
        """Asked for one by one; where they are many they count as they were until the next lists by status."""
        if len(old) > MOST_OLD:
            return dict(old)
        paths = [f"{repository.api_path}/actions/runs/{number}" for number in sorted(old)]
        answers = await asyncio.gather(*(self._session.find(scope, "run", path) for path in paths))
        return {run_id(entry.mapping): entry.mapping for entry in answers if entry is not None}

    async def _census(self, scope: Scope, repository: Scope, until: str) -> dict[int, Run]:
        path = f"{repository.api_path}/actions/runs"
        created = {"created": f"<={until}"} if until else {}
        lists = await asyncio.gather(
            *(
                self._session.pages(scope, "older runs", path, "workflow_runs", status=status, **created)
                for status in STATUSES
            )
        )
        return {run_id(run): of(run, lambda fields: fields.mapping) for runs in lists for run in runs}


def _until(page: Collection[Run], before: str) -> str:
    """Up to when runs are listed by status: `before` as long as all that came later is on the page. "" where the page
    does not say when its runs were made.
    """
    made = [run.get("created_at") for run in page]
    moments = [text for text in made if isinstance(text, str) and _MOMENT.fullmatch(text)]
    if len(moments) < len(page):
        return ""
    return before if before >= min(moments) else sorted(moments)[min(NEW_RUNS, len(moments) - 1)]


def run_id(run: Any) -> int:
    """The id of a run. Raises ForgeUnreachableError where it has none."""
    return of(run, lambda entry: entry.identifier("id"))


def workflow_file(run: Run) -> str:
    """The path of a run's workflow file; a reusable one's names its version behind it."""
    return of(run, lambda entry: entry.words("path")).partition("@")[0]
