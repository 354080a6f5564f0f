"""A workflow file as of a ref is written FILE@REF, and nothing else is one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from values.workflow import is_workflow, is_workflow_of_branch, parse_workflow


@pytest.mark.parametrize(
    "text",
    [
        ".github/workflows/deploy.yml@refs/heads/main",
        ".gitea/workflows/deploy.yaml@refs/heads/release/2026.11",
        ".github/workflows/deploy-all_1.yml@refs/heads/feature-1",
    ],
)
def test_a_file_of_a_branch_is_read(text: str) -> None:
    assert str(parse_workflow(text)) == text
    assert is_workflow_of_branch(text)


def test_a_file_of_pull_requests_is_of_no_branch() -> None:
    assert is_workflow(".github/workflows/preview.yml@refs/pull/*")
    assert not is_workflow_of_branch(".github/workflows/preview.yml@refs/pull/*")


@pytest.mark.parametrize(
    "text",
    [
        "", "deploy.yml@refs/heads/main", ".github/workflows/deploy.yml", ".github/workflows/deploy.yml@main",
        ".github/workflows/deploy.yml@refs/tags/v1", ".github/workflows/deploy.yml@refs/heads/",
        ".github/workflows/deploy.yml@refs/heads/a@b", ".github/workflows/a@b.yml@refs/heads/main",
        ".github/workflows/../deploy.yml@refs/heads/main", ".github/workflows/sub/deploy.yml@refs/heads/main",
        ".github/workflows/deploy.sh@refs/heads/main", ".github/workflows/deploy.yml@refs/heads/*",
        ".github/workflows/deploy.yml@refs/heads/a..b", ".github/workflows/deploy.yml@refs/heads/a/",
        ".github/workflows/deploy.yml@refs/heads/main\n", ".github/workflows/deploy.yml@refs/pull/7/head",
        "mlops/guide/.github/workflows/deploy.yml@refs/heads/main", " .github/workflows/deploy.yml@refs/heads/main",
    ],
)  # fmt: skip
def test_anything_else_is_none(text: str) -> None:
    assert not is_workflow(text)


@given(file=st.text(max_size=30), ref=st.text(max_size=30))
def test_what_is_read_is_written_the_same(file: str, ref: str) -> None:
    text = f".github/workflows/{file}.yml@refs/heads/{ref}"
    if is_workflow(text):
        assert str(parse_workflow(text)) == text
        assert text.count("@") == 1
