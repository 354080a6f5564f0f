"""WorkflowRef: which workflow file, as of which ref. It is written FILE@REF, as GitHub's `workflow_ref` ends."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

BRANCH: Final = "refs/heads/"
# Of a pull request whose head is in the repository itself: any number, so its author's own version of the file counts.
PULL_REQUESTS: Final = "refs/pull/*"
PULL_REQUEST_EVENT: Final = "pull_request"
# Runs the base branch's own file; whose code its jobs look at is for that file to decide. Only ever for who looks.
TARGET_EVENT: Final = "pull_request_target"
# What starts a run of a branch by somebody who may write to the repository. Every other event, such as
# pull_request_target, workflow_run or issue_comment, lets somebody else start the branch's own file.
BRANCH_EVENTS: Final = ("push", "workflow_dispatch", "schedule")
FOLDERS: Final = (".github/workflows", ".gitea/workflows")
ALLOWED: Final = "FILE@refs/heads/BRANCH, with FILE in .github/workflows or .gitea/workflows"
# No `@`, which separates. git's own rules for refs are wider; what is left out here is in nobody's way.
_FILE: Final = re.compile(r"\.(?:github|gitea)/workflows/(?!\.)[A-Za-z0-9_.-]{1,100}\.ya?ml", re.ASCII)
_BRANCH: Final = re.compile(r"(?!.*(?:\.\.|//|/\.|\.lock(?:/|$)))[A-Za-z0-9_][A-Za-z0-9_./-]{0,200}(?<![./])", re.ASCII)


@dataclass(frozen=True)
class WorkflowRef:
    """file is its path in the repository; ref is `refs/heads/BRANCH` or PULL_REQUESTS. Raises ValueError."""

    file: str
    ref: str

    def __post_init__(self) -> None:
        branch = self.ref.removeprefix(BRANCH)
        is_branch = self.ref.startswith(BRANCH) and _BRANCH.fullmatch(branch) is not None
        if not _FILE.fullmatch(self.file) or not (is_branch or self.ref == PULL_REQUESTS):
            raise ValueError("it is no workflow file as of a ref")

    def __str__(self) -> str:
        return f"{self.file}@{self.ref}"

    @property
    def name(self) -> str:
        """The file without its folder."""
        return PurePosixPath(self.file).name

    @property
    def branch(self) -> str:
        """The branch; "" of pull requests."""
        return self.ref.removeprefix(BRANCH) if self.ref.startswith(BRANCH) else ""


def parse_workflow(text: str) -> WorkflowRef:
    """Reads FILE@REF. Raises ValueError."""
    file, _, ref = text.partition("@")
    return WorkflowRef(file, ref)


def is_workflow_of_branch(text: str) -> bool:
    """Whether it is FILE@refs/heads/BRANCH."""
    try:
        return bool(parse_workflow(text).branch)
    except ValueError:
        return False


def is_workflow(text: str) -> bool:
    """Whether it is FILE@refs/heads/BRANCH, or FILE@refs/pull/*."""
    try:
        parse_workflow(text)
    except ValueError:
        return False
    return True
