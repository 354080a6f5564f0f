"""Which jobs may act as an account: the forge's words on their run decide, and what is not granted is refused."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrar.forges.forge import Job, JobOrigin
from registrar.job_identity import judge
from values.grant import JobGrant
from values.scope import Scope
from values.workflow import BRANCH_EVENTS, parse_workflow

DEPLOYER = JobGrant(
    account="deployer",
    repository=Scope("mlops/guide"),
    workflows=(parse_workflow(".github/workflows/deploy.yml@refs/heads/main"),),
)
PREVIEWER = JobGrant(
    account="previewer",
    repository=Scope("mlops/guide"),
    workflows=(
        parse_workflow(".github/workflows/preview.yml@refs/pull/*"),
        parse_workflow(".github/workflows/drift.yml@refs/heads/main"),
    ),
)
JOB = Job(id="7", name="deploy", labels=frozenset(), runner_id=1, in_progress=True, conclusion="")
GOOD = JobOrigin(
    job=JOB,
    repository="mlops/guide",
    file=".github/workflows/deploy.yml",
    has_folder=True,
    ref="refs/heads/main",
    event="push",
)
PULL = replace(
    GOOD, file=".github/workflows/preview.yml", event="pull_request", ref="refs/pull/4/head", head="mlops/guide"
)
REPOSITORIES = ("mlops/guide", "MLOps/Guide", "mlops/guide2", "mlops/guidé", "evil/guide", "", "mlops/gu\u0131de")
FILES = (
    ".github/workflows/deploy.yml", ".github/workflows/preview.yml", ".github/workflows/drift.yml", "deploy.yml",
    ".github/workflows/evil.yml", "sub/deploy.yml", ".gitea/workflows/deploy.yml", "", "./.github/workflows/deploy.yml",
    ".github/workflows/deploy.yml@refs/heads/main",
)  # fmt: skip
REFS = (
    "refs/heads/main", "refs/heads/evil", "refs/tags/main", "main", "", "refs/heads/", "refs/heads/main ",
    "refs/heads/Main", "refs/pull/4/head", "refs/pull/4/merge", "refs/heads/refs/heads/main",
)  # fmt: skip
EVENTS = (
    *BRANCH_EVENTS, "pull_request", "pull_request_target", "workflow_run", "issue_comment", "release", "create",
    "repository_dispatch", "merge_group", "", "PUSH",
)  # fmt: skip
origins = st.builds(
    JobOrigin,
    job=st.just(JOB),
    repository=st.sampled_from(REPOSITORIES) | st.text(max_size=40),
    file=st.sampled_from(FILES) | st.text(max_size=40),
    has_folder=st.booleans(),
    ref=st.sampled_from(REFS) | st.text(max_size=40),
    event=st.sampled_from(EVENTS) | st.text(max_size=20),
    head=st.sampled_from(REPOSITORIES) | st.text(max_size=40),
    doubt=st.sampled_from(("", "a tag may have its name")),
)


@pytest.mark.parametrize("event", BRANCH_EVENTS)
def test_the_granted_workflow_of_the_granted_branch_may_deploy(event: str) -> None:
    assert judge(DEPLOYER, replace(GOOD, event=event)) is None


def test_a_forge_that_names_no_folder_is_taken_by_the_files_name() -> None:
    assert judge(DEPLOYER, replace(GOOD, file="deploy.yml", has_folder=False)) is None


def test_names_of_repositories_have_no_case() -> None:
    assert judge(DEPLOYER, replace(GOOD, repository="MLOps/Guide")) is None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"repository": "evil/guide"}, "JobRepository"),
        ({"repository": "mlops/gu\u0131de"}, "JobRepository"),
        ({"file": ".github/workflows/train.yml"}, "JobWorkflow"),
        ({"file": "deploy.yml"}, "JobWorkflow"),
        ({"ref": "refs/heads/topic"}, "JobRef"),
        ({"ref": "refs/heads/Main"}, "JobRef"),
        ({"ref": "refs/tags/main"}, "JobRef"),
        ({"ref": "", "doubt": "a tag may have its name"}, "JobRef"),
        ({"doubt": "a tag may have its name"}, "JobRef"),
        ({"event": "pull_request"}, "JobEvent"),
        ({"event": "pull_request_target"}, "JobEvent"),
        ({"event": "workflow_run"}, "JobEvent"),
        ({"event": "issue_comment"}, "JobEvent"),
        ({"event": ""}, "JobEvent"),
    ],
)
def test_what_is_not_granted_to_a_deployer_is_refused_with_the_reason(changed: dict[str, Any], reason: str) -> None:
    refusal = judge(DEPLOYER, replace(GOOD, **changed))
    assert refusal is not None
    assert refusal.reason == reason
    assert "job 7 (deploy) may not act as deployer" in refusal.message
    assert "allowed: mlops/guide: .github/workflows/deploy.yml@refs/heads/main" in refusal.message
    assert "cure: " in refusal.message


def test_a_pull_request_of_the_same_repository_may_look() -> None:
    assert judge(PREVIEWER, PULL) is None


def test_what_looks_every_night_may_look() -> None:
    nightly = replace(GOOD, file=".github/workflows/drift.yml", event="schedule")
    assert judge(PREVIEWER, nightly) is None


def test_mains_own_file_may_look_at_a_pull_request() -> None:
    assert judge(PREVIEWER, replace(PULL, event="pull_request_target")) is None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"head": "evil/guide"}, "JobFork"),
        ({"head": ""}, "JobFork"),
        ({"file": ".github/workflows/drift.yml"}, "JobWorkflow"),
        ({"event": "pull_request_target", "head": "evil/guide"}, "JobFork"),
        ({"event": "pull_request_target", "ref": "refs/heads/main"}, "JobRef"),
        ({"event": "pull_request_target", "ref": "refs/heads/main", "file": ".github/workflows/drift.yml"}, "JobRef"),
        ({"event": "workflow_run"}, "JobEvent"),
        ({"event": "push"}, "JobRef"),
        ({"ref": "refs/heads/main"}, "JobRef"),
        ({"event": "push", "ref": "refs/heads/main"}, "JobRef"),
    ],
)
def test_what_is_not_granted_to_a_previewer_is_refused_with_the_reason(changed: dict[str, Any], reason: str) -> None:
    refusal = judge(PREVIEWER, replace(PULL, **changed))
    assert refusal is not None
    assert refusal.reason == reason


@given(origin=origins)
def test_nothing_but_the_granted_file_of_the_granted_branch_deploys(origin: JobOrigin) -> None:
    if judge(DEPLOYER, origin) is not None:
        return
    assert origin.repository.lower() == "mlops/guide"
    assert origin.file == (".github/workflows/deploy.yml" if origin.has_folder else "deploy.yml")
    assert origin.ref == "refs/heads/main"
    assert origin.event in ("push", "workflow_dispatch", "schedule")
    assert not origin.doubt


@given(origin=origins)
def test_no_pull_request_deploys_and_none_of_a_fork_looks(origin: JobOrigin) -> None:
    asked = replace(origin, event="pull_request")
    assert judge(DEPLOYER, asked) is not None
    if judge(PREVIEWER, asked) is None:
        assert asked.head.lower() == asked.repository.lower() == "mlops/guide"
        assert asked.file in (".github/workflows/preview.yml", "preview.yml")


@given(origin=origins)
def test_a_refusal_is_one_line_of_words(origin: JobOrigin) -> None:
    refusal = judge(DEPLOYER, origin)
    if refusal is not None:
        assert refusal.message.isprintable()
        assert len(refusal.message) < 1500
