"""Writes at Gitea why a job is lost: as the description of the job's own commit status.

Gitea has no comments on commits. It writes a status for each job itself, which people see beside the commit and in the
pull request, and writes it anew whenever the job moves on: so what we put there, never better than the job stands, is
gone as soon as the job runs again. It writes none for a run that somebody or a clock started; such a job gets a warning
of its own.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from registrar.forges.forge import ForgeUnreachableError, Job
from registrar.untrusted import Entry, MalformedError
from values.scope import Scope

MOST_STATUSES: Final = 50  # of a commit that are looked through: what Gitea gives at once
LONGEST_CONTEXT: Final = 255
LONGEST_URL: Final = 1024
API: Final = "/api/v1"

Call = Callable[..., Awaitable[Entry | None]]


class LossStatuses:
    """`call`: a request to the Gitea at `url`."""

    def __init__(self, call: Call, url: str) -> None:
        self._call, self._url = call, url

    async def write(self, repository: Scope, number: str, job: Job, why: str) -> None:
        """Say it beside the job with this number, unless the newest status of it says just that. Raises ForgeError."""
        path = f"{API}{repository.api_path}/commits/{job.commit}/status"
        answer = await self._call("statuses", "GET", path, query={"limit": str(MOST_STATUSES)}, absent_is_fine=True)
        if answer is None:
            return
        wanted = {**self._own(repository, number, job), "description": why}
        try:
            for status in answer.entries("statuses"):
                theirs = _of_job(status, number)
                if theirs is not None:
                    wanted |= theirs | {"state": "failure" if job.conclusion else "pending"}
            if any(_is(status, wanted) for status in answer.entries("statuses")):
                return
        except MalformedError as error:
            raise ForgeUnreachableError(f"the forge's answer cannot be used: {error}") from error
        await self._call("status", "POST", f"{API}{repository.api_path}/statuses/{job.commit}", wanted)

    def _own(self, repository: Scope, number: str, job: Job) -> dict[str, Any]:
        """The warning of a job for which Gitea writes none."""
        url = f"{self._url}/{repository}/actions/runs/{job.run_id}"
        return {"context": f"gpu-runners / lost job {number}", "state": "warning", "target_url": url}


def _of_job(status: Entry, number: str) -> dict[str, str] | None:
    """Context and target of the status that Gitea wrote for a job; None of another one, or of one that is odd."""
    context, target = (status.mapping.get(key) for key in ("context", "target_url"))
    if not isinstance(context, str) or not isinstance(target, str):
        return None
    if not 0 < len(context) <= LONGEST_CONTEXT or len(target) > LONGEST_URL or not target.endswith(f"/jobs/{number}"):
        return None
    return {"context": context, "target_url": target}


def _is(status: Entry, wanted: dict[str, Any]) -> bool:
    shown = status.mapping
    return (shown.get("context"), shown.get("status"), shown.get("description")) == (
        wanted["context"], wanted["state"], wanted["description"],
    )  # fmt: skip
