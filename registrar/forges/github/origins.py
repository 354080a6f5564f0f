"""Where a job comes from at GitHub, with the proof that its branch is one: a run names a tag as it names a branch.

A tag `main` may hold any version of a workflow, and may be gone before anybody looks. So a branch is proven by what
cannot be taken back: in a repository, that the branch was at the run's commit; in an organization, that GitHub gives
this runner no job of the file but those of the branch, as its group is restricted to workflows. That a commit is in the
branch's history would prove nothing: those of a merged pull request are, and nobody has agreed to each of them.
"""

import re
import urllib.parse
from typing import Any, Final

from registrar.forges.forge import Job, JobOrigin, Runner
from registrar.forges.github.groups import Groups
from registrar.forges.github.jobs import Jobs
from registrar.forges.github.reading import of
from registrar.forges.github.session import Session
from registrar.untrusted import Entry, MalformedError, words
from values.scope import Scope
from values.workflow import BRANCH, BRANCH_EVENTS, PULL_REQUEST_EVENT, TARGET_EVENT

# What GitHub gives at once, newest first: pushes and merges of a branch, each with where it was before and after
# (https://docs.github.com/rest/repos/repos#list-repository-activities).
MOST_MOVES: Final = 100
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)


class Origins:
    """Asks afresh: a job that has ended has no rights."""

    def __init__(self, session: Session, groups: Groups, jobs: Jobs) -> None:
        self._session, self._groups, self._jobs = session, groups, jobs

    async def read(self, scope: Scope, runner: Runner, *, job_id: str | None) -> JobOrigin | None:
        """The job that the runner has now, None where it has none."""
        job = await self._jobs.by_id(scope, job_id) if job_id is not None else None
        if job is None or job.runner_id != runner.id:
            job = await self._jobs.of_runner(scope, runner.id)
        if job is None or not job.in_progress or job.run_id is None:
            return None
        name = job.id.rpartition("/")[0]
        repository = scope.within(name) if name else scope
        path = f"{repository.api_path}/actions/runs/{job.run_id}"
        run = await self._session.ask(scope, "run", "GET", path)
        return await self._origin(scope, runner, repository, job, run)

    async def _origin(self, scope: Scope, runner: Runner, repository: Scope, job: Job, run: Any) -> JobOrigin:
        file, at, named = of(run, lambda entry: entry.text("path")).partition("@")
        event = of(run, lambda entry: entry.text("event"))
        branch = of(run, _branch)
        ref, doubt = "", ""
        if event in (PULL_REQUEST_EVENT, TARGET_EVENT):
            ref = "refs/pull/"
        elif event in BRANCH_EVENTS and not branch:
            doubt = "the run names no branch"
        elif event in BRANCH_EVENTS and at and named not in (branch, f"{BRANCH}{branch}"):
            doubt = f"the run names {words(named, most=100)} beside {branch}"
        elif event in BRANCH_EVENTS:
            if scope.is_repository:
                doubt = await self._doubt_of_commit(scope, repository, branch, of(run, _head_commit))
            else:
                doubt = await self._doubt_of_group(scope, runner, f"{repository}/{file}", branch)
            ref = "" if doubt else f"{BRANCH}{branch}"
        return JobOrigin(
            job=job,
            repository=of(run, lambda entry: entry.entry("repository").text("full_name")),
            file=file,
            has_folder=True,
            ref=ref,
            event=event,
            head=of(run, _head_repository),
            doubt=doubt,
        )

    async def _doubt_of_group(self, scope: Scope, runner: Runner, workflow: str, branch: str) -> str:
        """Why the run may be of something else than the branch; "" where it is proven."""
        allowed = await self._groups.workflows(scope, runner.groups)
        if allowed is None:
            return "the runner's group is open to every workflow: restrict it to the environment's workflows"
        mine = f"{workflow}@".lower()
        versions = {entry.partition("@")[2] for entry in allowed if entry.lower().startswith(mine)}
        if versions == {f"{BRANCH}{branch}"}:
            return ""
        shown = ", ".join(sorted(words(version, most=100) for version in versions)) or "nothing"
        return f"the runner's group allows {words(workflow, most=200)} as of {shown}: restrict it to {BRANCH}{branch}"

    async def _doubt_of_commit(self, scope: Scope, repository: Scope, branch: str, commit: str) -> str:
        """The same in a repository, which has no groups."""
        name = urllib.parse.quote(branch, safe="")
        answer = await self._session.find(scope, "branch", f"{repository.api_path}/branches/{name}")
        newest = "" if answer is None else of(answer, lambda entry: _commit(entry.entry("commit").text("sha")))
        if not newest:
            return f"{repository} has no branch {branch}"
        if commit == newest:
            return ""
        moves = await self._session.find_list(
            scope, "activity", f"{repository.api_path}/activity", ref=f"{BRANCH}{branch}", per_page=str(MOST_MOVES)
        )
        if any(of(move, lambda entry: _was_at(entry, branch, commit)) for move in moves or ()):
            return ""
        where = f"in its last {MOST_MOVES} pushes and merges" if moves is not None else "as far as this GitHub tells"
        return f"{branch} never was at the run's commit {commit[:10]} {where}: a tag may have its name"


def _branch(run: Entry) -> str:
    """As it is: cleaned, `main` and a branch of nearly this name would be one. "" where there is none."""
    try:
        return run.text("head_branch")
    except MalformedError:
        return ""


def _was_at(move: Entry, branch: str, commit: str) -> bool:
    return move.text("ref") == f"{BRANCH}{branch}" and commit in (move.text("before"), move.text("after"))


def _head_commit(run: Entry) -> str:
    return _commit(run.text("head_sha"))


def _commit(text: str) -> str:
    if not _COMMIT.fullmatch(text):
        raise MalformedError(f"{words(text, most=40)!r} is no commit")
    return text


def _head_repository(run: Entry) -> str:
    """The repository that the commit is in; none of one that is gone."""
    try:
        return run.entry("head_repository").text("full_name")
    except MalformedError:
        return ""
