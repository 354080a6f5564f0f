"""The jobs of a repository at GitHub: of each run of the last weeks every attempt's."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from access.forge_errors import ForgeStatusError
from gpu_runners.usage.answers import Found, entries_of, workflow_of
from gpu_runners.usage.records import moment

_PAGE: Final = 100
MOST_FOUND: Final = 1_000  # GitHub ends a list with a filter there, whatever there is more
_MOST_JOBS: Final = 100  # pages of them: GitHub lets a run have 25,600 jobs at most


def github_jobs(
    ask: Callable[..., Any], actions: str, begin: datetime, leave_out: Callable[[str], None]
) -> Iterator[Found]:
    """The jobs of runs made since then, with a question for each run.

    leave_out is told what is not read. Raises ForgeUnreachableError.
    """
    for run in _runs(ask, actions, begin, leave_out):
        workflow = workflow_of(run)
        for page in range(1, _MOST_JOBS + 1):
            try:
                answer = ask(f"{actions}/runs/{int(run['id'])}/jobs", filter="all", page=str(page), per_page=str(_PAGE))
            except ForgeStatusError as error:
                if error.status != 404:
                    raise
                break  # somebody deleted the run meanwhile
            jobs = entries_of(answer, "jobs")
            yield from ((workflow, job) for job in jobs)
            if len(jobs) < _PAGE:
                break


def _runs(
    ask: Callable[..., Any], actions: str, begin: datetime, leave_out: Callable[[str], None]
) -> Iterator[dict[str, Any]]:
    """The newest first; where one list ends, the next goes on from its oldest."""
    until, seen = datetime.now(UTC), set[int]()
    while True:
        oldest, fresh = until, 0
        for page in range(1, MOST_FOUND // _PAGE + 1):
            created = f"<={until.strftime('%Y-%m-%dT%H:%M:%SZ')}"
            runs = entries_of(
                ask(f"{actions}/runs", created=created, page=str(page), per_page=str(_PAGE)), "workflow_runs"
            )
            for run in runs:
                made = moment(run.get("created_at"))
                oldest = min(oldest, made or oldest)
                if run["id"] not in seen:
                    seen.add(run["id"])
                    fresh += 1
                    if made is None or made >= begin:
                        yield run
            if len(runs) < _PAGE or oldest < begin:
                return
        if not fresh or oldest == until:
            leave_out(f"runs before {until:%Y-%m-%d %H:%M:%S} UTC: more than {MOST_FOUND} began in that second")
            return
        until = oldest
