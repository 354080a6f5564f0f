"""The example's pinned checkout action on a runner of the lab's forge."""

from lab import repositories
from lab.trial.repository import Repository
from lab.trial.workflow import push

WORKFLOW = f"""
name: test
on: push
jobs:
  job:
    runs-on: workers
    steps:
      - uses: actions/checkout@{repositories.CHECKOUT_COMMIT}
        with:
          persist-credentials: false
      - run: echo "found $(ls README.md) and $(grep -ci basic .git/config || true) credentials"
"""


def test_a_checkout_pinned_by_github_s_commit_runs_at_gitea_and_leaves_no_credential(
    repository: Repository, workers: str
) -> None:
    run = push(repository, WORKFLOW)
    assert run.until_done(60)["job"].conclusion == "success", run.log("job")
    assert "found README.md and 0 credentials" in run.log("job")
