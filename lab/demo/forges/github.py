"""GitHub, which the lab has a stand-in for. A dispatch starts the run; the lab's Gitea is only a git server here."""

import time
from collections.abc import Mapping
from functools import cached_property

from lab import git, gitea, paths, repositories, s3, worlds
from lab.build import Say
from lab.demo.forges import apps
from lab.demo.forges.forge import Started, Trigger
from lab.demo.forges.runs import Runs, Unfinished
from lab.demo.forges.workflow import Clone, queued, runnable
from lab.demo.settings import Stacks
from lab.github import daemon, parts
from lab.github.client import Client
from lab.repositories import GUIDE

INFRA = "${{ github.repository_owner }}/gpu-runners"  # as the workflow says it
TOKEN = "ghp_lab_demo"  # noqa: S105 - of a stand-in that hands out tokens to whoever asks
FILE = "train.yml"
STATE = "github"  # a folder of each state, so that the stacks have the same names as at Gitea
STACK_FILE = "lab/demo/github/Pulumi.dev.yaml"
SEED = r'sed -i "/^train:/,/^  seed:/ s/^  seed: .*/  seed: $SEED/" params.yaml'


class GitHub:
    """The example at the stand-in for GitHub, with stack files and namespaces of its own."""

    trigger = Trigger("dispatch", "workflow dispatched")
    stacks = Stacks(paths.REPOSITORY / "lab/demo/github")
    run_is_missing = f"see {paths.LOGS / daemon.NAME}.log"
    state_folder = STATE

    def __init__(self, jobs: int = 0) -> None:
        """`jobs`: how many jobs the run has that nobody deploys for; 0 for the example's own workflow."""
        self._api, self._jobs = Client(TOKEN), jobs
        self.lost = ""

    def prepare(self, say: Say) -> None:
        """The stand-in, its runner's image, and what people make by hand there: repository, Apps, workflow."""
        parts.up(say)
        parts.install_provider(say)
        say("it is a stand-in: it runs no actions, so jobs clone from the lab's Gitea, which is only a git server here")
        self._api.arrange(f"/tokens/{TOKEN}", {})
        self.lost = "" if self._api.find(f"/repos/{GUIDE}") else "github"
        self._api.arrange(f"/repositories/{GUIDE}", {"private": True})
        for app in (apps.REGISTRAR, apps.WIRING):
            self._api.arrange("/app", app.registration(GUIDE.split("/")[0]))
        self._api.arrange(f"/repositories/{GUIDE}/workflows/{FILE}", workflow(self._jobs))

    def administrator(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The lab's variables without Gitea's token, with the Apps' keys and the values of the repository's secrets."""
        mine = {name: value for name, value in variables.items() if name not in ("FORGE_TOKEN", "FORGE_URL")}
        return {
            **mine,
            "PULUMI_BACKEND_URL": s3.pulumi_backend(worlds.PLATFORM, STATE),
            "GITHUB_APP_PRIVATE_KEY": apps.REGISTRAR.private_key(),
            "GITHUB_WIRING_APP_PRIVATE_KEY": apps.WIRING.private_key(),
            **{f"GPU_RUNNERS_SECRET_{name}": value for name, value in repositories.job_secrets().items()},
        }

    @cached_property
    def runs(self) -> Runs:
        """The example's."""
        return Runs(self._api, GUIDE)

    def start(self, seed: int) -> Started:
        """Dispatches the workflow; the seed is its input."""
        began = time.time()
        body = {"ref": "main", "inputs": {"seed": str(seed)}, "return_run_details": True}
        run = self._api.post(f"/repos/{GUIDE}/actions/workflows/{FILE}/dispatches", body)["workflow_run_id"]
        return Started(str(run), f"dispatched {FILE} of {GUIDE}: train with seed {seed}", began, time.time())

    def find_run(self, key: str) -> int:
        """GitHub's answer to a dispatch names the run."""
        return int(key)

    def cancel(self, run: Unfinished) -> None:
        """By GitHub's API, which answers 409 where it has ended."""
        self._api.post(f"/repos/{GUIDE}/actions/runs/{run.id}/cancel", {}, allowed=(409,))

    def set_secret(self, name: str, value: str) -> None:
        """As a person does it in the settings."""
        self._api.arrange(f"/repositories/{GUIDE}/secrets/{name}", {"value": value})

    def delete_secret(self, name: str) -> None:
        """Takes it away again."""
        self._api.delete(f"/repos/{GUIDE}/actions/secrets/{name}")


def workflow(jobs: int = 0) -> str:
    """The example's workflow of this checkout's last commit, as the stand-in can run it; `jobs` as of GitHub."""
    text = git.run(paths.REPOSITORY, "show", f"HEAD:examples/mlops-guide/.github/workflows/{FILE}")
    program = Clone(f"{gitea.URL}/mlops/gpu-runners.git", f"cp {STACK_FILE} .")
    guide = Clone(f"{gitea.URL}/{GUIDE}.git", SEED, {"SEED": "${{ inputs.seed }}"})
    clones = {INFRA: program, GUIDE: guide}
    text = queued(text, jobs) if jobs else text
    return runnable(text, GUIDE, clones, {"deploy": "dev", "release": "dev"})
