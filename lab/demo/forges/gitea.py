"""Gitea, the lab's own forge: a real one, and the whole of it. A push starts the run."""

from collections.abc import Mapping
from functools import cached_property

from lab import git, gitea, gitea_page, paths
from lab.build import Say
from lab.demo import push
from lab.demo.forges.forge import Started, Trigger
from lab.demo.forges.runs import Runs, Unfinished
from lab.demo.forges.workflow import queued
from lab.demo.settings import Stacks
from lab.gitea_api import GiteaApi
from lab.repositories import GUIDE

WORKFLOW = ".github/workflows/train.yml"


class Gitea:
    """The example at the lab's Gitea, with stack files of its own."""

    trigger = Trigger("push", "git push")
    stacks = Stacks(paths.REPOSITORY / "lab/demo/gitea")
    run_is_missing = f"a workflow that it cannot read is ignored, and {paths.LOGS / 'gitea.log'} says why"
    lost = ""  # its data lives as long as Pulumi's state
    state_folder = ""

    def __init__(self, jobs: int = 0) -> None:
        """`jobs`: how many jobs the run has that nobody deploys for; 0 for the example's own workflow."""
        self._jobs = jobs

    def prepare(self, say: Say) -> None:
        """Nothing: the lab has put all of it in place."""

    def administrator(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The lab's own variables, which hold a token of this forge."""
        return dict(variables)

    @cached_property
    def runs(self) -> Runs:
        """The example's."""
        return Runs(self._api, GUIDE)

    def start(self, seed: int) -> Started:
        """Pushes a commit that changes the seed."""
        done = push.change_seed(seed, {WORKFLOW: workflow(self._jobs)})
        text = f"pushed {done.commit[:10]} to {GUIDE}: train with seed {seed}"
        return Started(done.commit, text, done.began, done.at)

    def find_run(self, key: str) -> int | None:
        """The run of the commit; the forge makes it shortly after the push."""
        runs = self.runs.newest(head_sha=key)
        return int(runs[0]["id"]) if runs else None

    def cancel(self, run: Unfinished) -> None:
        """By the page of the run: its API cancels nothing."""
        gitea_page.press(f"{run.page}/cancel")

    def set_secret(self, name: str, value: str) -> None:
        """Gitea takes it in plain text and encrypts it itself."""
        self._api.put(f"/repos/{GUIDE}/actions/secrets/{name}", {"data": value})

    def delete_secret(self, name: str) -> None:
        """Takes it away again."""
        self._api.delete(f"/repos/{GUIDE}/actions/secrets/{name}")

    @cached_property
    def _api(self) -> GiteaApi:
        return GiteaApi(gitea.URL, gitea.token())


def workflow(jobs: int) -> str:
    """The example's, as committed; with `jobs`, one that only trains, so often."""
    text = git.run(paths.REPOSITORY, "show", f"HEAD:examples/mlops-guide/{WORKFLOW}")
    return queued(text, jobs) if jobs else f"{text}\n"
