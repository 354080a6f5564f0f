"""Whether a job may act as an account: its repository, workflow file, ref and event against the grant. Pure.

Everything about the job is the forge's word on the run that the pod's runner has now; labels and annotations count for
nothing. What is not granted is refused, an event that nobody thought of as well.
"""

from dataclasses import dataclass

from registrar.forges.forge import JobOrigin
from registrar.untrusted import words
from values.accounts import PREVIEWER
from values.grant import JobGrant
from values.scope import Scope
from values.workflow import BRANCH, BRANCH_EVENTS, PULL_REQUEST_EVENT, PULL_REQUESTS, TARGET_EVENT, WorkflowRef

LONGEST_WORDS = 200


@dataclass(frozen=True)
class Refusal:
    """Why not: one word for machines, and a sentence for whoever reads the job's log."""

    reason: str
    message: str


def judge(grant: JobGrant, origin: JobOrigin) -> Refusal | None:
    """Why the job may not act as the grant's account; None where it may."""
    if not _is_same(origin.repository, grant.repository):
        return _refusal("JobRepository", grant, origin, f"its repository is {_printable(origin.repository)}")
    if origin.event == PULL_REQUEST_EVENT:
        return _judge_pull_request(grant, origin)
    if origin.event == TARGET_EVENT and grant.account == PREVIEWER:
        # The file is the base branch's own, and everybody with a fork starts it: where it comes from counts the same.
        return _judge_pull_request(grant, origin)
    if origin.event in BRANCH_EVENTS:
        return _judge_branch(grant, origin)
    return _refusal("JobEvent", grant, origin, f"it was started by {_printable(origin.event)}")


def _judge_branch(grant: JobGrant, origin: JobOrigin) -> Refusal | None:
    if origin.doubt or not origin.ref.startswith(BRANCH):
        why = origin.doubt or f"its ref is {_printable(origin.ref)}, which is no branch"
        return _refusal("JobRef", grant, origin, why)
    mine = [workflow for workflow in grant.workflows if _is_file(workflow, origin)]
    if not mine:
        return _refusal("JobWorkflow", grant, origin, f"its workflow is {_printable(origin.file)}")
    if origin.ref not in {workflow.ref for workflow in mine}:
        return _refusal("JobRef", grant, origin, f"its ref is {_printable(origin.ref)}")
    return None


def _judge_pull_request(grant: JobGrant, origin: JobOrigin) -> Refusal | None:
    """A pull request's file is its author's: what is granted here, every author within the repository may do."""
    granted = [workflow for workflow in grant.workflows if workflow.ref == PULL_REQUESTS]
    if not granted:
        return _refusal("JobEvent", grant, origin, f"it was started by {PULL_REQUEST_EVENT}")
    if not origin.ref.startswith(PULL_REQUESTS.removesuffix("*")):
        return _refusal("JobRef", grant, origin, f"its ref is {_printable(origin.ref)}, which is no pull request's")
    if not _is_same(origin.head, grant.repository):
        found = f"its pull request comes from {_printable(origin.head) or 'a repository that is not known'}"
        return _refusal("JobFork", grant, origin, found)
    if not any(_is_file(workflow, origin) for workflow in granted):
        return _refusal("JobWorkflow", grant, origin, f"its workflow is {_printable(origin.file)}")
    return None


def _is_file(workflow: WorkflowRef, origin: JobOrigin) -> bool:
    return origin.file == (workflow.file if origin.has_folder else workflow.name)


def _is_same(repository: str, granted: Scope) -> bool:
    """As forges compare names: whatever the case of their (ASCII) letters."""
    return repository.isascii() and repository.lower() == str(granted).lower()


def _refusal(reason: str, grant: JobGrant, origin: JobOrigin, found: str) -> Refusal:
    allowed = f"{grant.repository}: {', '.join(map(str, grant.workflows))}"
    cure = f"run it as that workflow, or have the environment's {grant.account} changed in the platform's stack"
    message = f"{_printable(str(origin.job))} may not act as {grant.account}: {found}; allowed: {allowed}; cure: {cure}"
    return Refusal(reason, message)


def _printable(text: str) -> str:
    return words(text, most=LONGEST_WORDS)
