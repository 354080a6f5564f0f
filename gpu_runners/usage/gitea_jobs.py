"""The jobs of a repository at Gitea, from the end of its list."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final

from access.forge_errors import ForgeStatusError
from gpu_runners.usage.answers import Found, entries_of, workflow_of
from gpu_runners.usage.records import moment

MOST_PAGES: Final = 400
_PAGE: Final = 50


def gitea_jobs(
    ask: Callable[..., Any], actions: str, begin: datetime, leave_out: Callable[[str], None]
) -> Iterator[Found]:
    """The jobs made since then that have ended: its list is the oldest first and grows for ever, so read from its end.

    leave_out is told what is not read. Raises ForgeUnreachableError.
    """

    def page(number: int) -> tuple[list[dict[str, Any]], int]:
        answer = ask(f"{actions}/jobs", status="completed", limit=str(_PAGE), page=str(number))
        return entries_of(answer, "jobs"), int(answer.get("total_count") or 0)

    workflows: dict[int, str] = {}
    first, total = page(1)
    # A server may give less on a page than it is asked for ([api] MAX_RESPONSE_ITEMS).
    last = -(-total // len(first)) if first else 0
    for number in range(last, 0, -1):
        if last - number == MOST_PAGES:
            leave_out(f"jobs before the last {MOST_PAGES * len(first)}")
            return
        jobs = first if number == 1 else page(number)[0]
        for job in jobs:
            run = job.get("run_id")
            if isinstance(run, int) and run not in workflows:
                workflows[run] = _workflow(ask, f"{actions}/runs/{run}")
            yield workflows.get(run, "") if isinstance(run, int) else "", job
        made = [at for job in jobs if (at := moment(job.get("created_at")))]
        if made and max(made) < begin:
            return


def _workflow(ask: Callable[..., Any], path: str) -> str:
    try:
        return workflow_of(ask(path))
    except ForgeStatusError:  # somebody deleted the run meanwhile
        return ""
