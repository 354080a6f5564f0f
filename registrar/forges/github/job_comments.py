"""Writes at GitHub why a job was lost: as a comment on its commit.

That asks for less than all else that people see beside a job: whoever may read the code may comment on a commit, and a
comment decides nothing. A check or a status asks for a right by which a required one could be made green.
A comment cannot be changed by that right, so each job gets one, and carries a mark by which it is known again.
"""

from typing import Final

from registrar.forges.forge import Job
from registrar.forges.github.jobs import repository_of
from registrar.forges.github.reading import of
from registrar.forges.github.session import Session
from registrar.untrusted import Entry
from values.scope import Scope

MOST_COMMENTS: Final = 100  # of a commit, that are looked through, the oldest first as GitHub gives them


class JobComments:
    """Whoever may comment could write the mark, and keep us silent about a job; nothing else follows from it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def write(self, scope: Scope, job: Job, why: str) -> None:
        """One comment for a job. Raises ForgeError."""
        if not job.commit or job.run_id is None:
            return
        repository, number = repository_of(scope, job)
        path = f"{repository.api_path}/commits/{job.commit}/comments"
        mark = f"<!-- gpu-runners: lost job {number} -->"
        written = await self._session.find_list(scope, "comments", path, per_page=str(MOST_COMMENTS))
        if written is None or len(written) >= MOST_COMMENTS or any(mark in _body(comment) for comment in written):
            return
        link = f"[Job {number}](/{repository}/actions/runs/{job.run_id}/job/{number})"
        body = {"body": f"{mark}\n{link} was lost. {why}"}
        await self._session.ask(scope, "comment", "POST", path, body)


def _body(comment: Entry) -> str:
    body = of(comment, lambda entry: entry.mapping).get("body")
    return body if isinstance(body, str) else ""
