"""What is said about a pool before anybody runs it."""

import pytest

from tests.program.stack_values import loaded, stack_file
from values.pool import RunnerPool, missing_self_hosted


def pool(*labels: str, forge: str = "github") -> RunnerPool:
    pool = loaded(stack_file("dev")).pools[0]
    return {**pool, "labels": list(labels), "forge": forge}


def test_a_pool_at_github_without_self_hosted_says_what_jobs_must_write() -> None:
    problem = missing_self_hosted(pool("cml-gpu"))
    assert str(problem) == (
        "labels of pool cuda: found no self-hosted, which GitHub does not add: a job with "
        "`runs-on: [self-hosted, cml-gpu]` waits 24 hours and fails; allowed: jobs with `runs-on: [cml-gpu]`; "
        "cure: write this in `runs-on`, or add self-hosted to the pool's labels"
    )


@pytest.mark.parametrize("labels", [("self-hosted", "cml-gpu"), ("cml-gpu", "Self-Hosted")])
def test_a_pool_that_has_it_in_any_case_says_nothing(labels: tuple[str, ...]) -> None:
    assert missing_self_hosted(pool(*labels)) is None


def test_at_gitea_nobody_writes_it() -> None:
    assert missing_self_hosted(pool("cml-gpu", forge="gitea")) is None
