"""The workflows of this repository on the lab's Gitea, as they stand: deployed, previewed, watched for drift."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from gpu_runners.review.core.markdown import marker
from lab import environment, gitea, s3, worlds
from lab.gitea_api import GiteaApi
from lab.trial.deadline import holds_for, until
from lab.trial.kubernetes import KubernetesApi
from lab.trial.pods import Pods
from lab.trial.pools import gpus, pool, pools_config
from lab.trial.repository import Repository
from lab.trial.stack import Stack
from tests.lab.conftest import stack_file
from tests.lab.program_repository import Json, ProgramRepository

SPACE = "gpu-runners-flows"
BASE = "gpu-runners-flows-base"
POOL = f"/apis/apps/v1/namespaces/{SPACE}/deployments/cuda"
REPOSITORY = "mlops/flows"
GIVEN = ("PULUMI_CONFIG_PASSPHRASE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
STRANGER = "flows-stranger"
# What a stranger may write into a fork: nothing in a workflow of ours can forbid it.
STRANGERS_WORKFLOW = """name: stranger
on: pull_request
permissions: write-all
jobs:
  look:
    runs-on: preview
    env:
      SECRET: ${{ secrets.PREVIEW_AWS_SECRET_ACCESS_KEY }}
      TOKEN: ${{ github.token }}
    steps:
      - shell: python3 {0}
        run: |
          import json, os, urllib.error, urllib.request
          print("secret of", len(os.environ["SECRET"]), "characters")
          url = "{GITHUB_API_URL}/repos/{GITHUB_REPOSITORY}/contents/stranger.txt".format(**os.environ)
          headers = {"Authorization": "token " + os.environ["TOKEN"], "Content-Type": "application/json"}
          body = json.dumps({"content": "eA==", "branch": "main", "message": "x"}).encode()
          try:
              urllib.request.urlopen(urllib.request.Request(url, body, headers))
              print("written")
          except urllib.error.HTTPError as error:
              print("refused:", error.code, error.read())
"""


def config(**changes: Any) -> Json:
    """The stack `dev` of the tests' repository: one pool."""
    return pools_config(pool("cuda", gpu=gpus(1)) | changes) | {"gpu-runners:namespace": SPACE}


@dataclass(frozen=True)
class Flows:
    """The repository, and runners for it."""

    at_forge: ProgramRepository
    runners: Pods

    def begun(self, workflow: str, ref: str, count: int = 1) -> int:
        """The number of the newest run, once there are that many."""

        def newest() -> int | None:
            runs = self.at_forge.runs(workflow, ref)
            return int(runs[0]["id"]) if len(runs) >= count else None

        return until(f"run {count} of {workflow} on {ref}", newest, 30)

    def is_waiting(self, run: int) -> bool:
        """Whether no runner has its one job yet."""
        (job,) = self.at_forge.jobs(run)
        return bool(job["status"] == "waiting")

    def ended(self, run: int) -> tuple[str, str]:
        """Conclusion and log of its one job, once it has ended."""

        def job() -> Json | None:
            (found,) = self.at_forge.jobs(run)
            return found if found["status"] == "completed" else None

        found = until(f"run {run} has ended", job, 60, seen=lambda: self.at_forge.jobs(run))
        return str(found["conclusion"]), self.at_forge.log(found["id"])


@pytest.fixture(scope="module")
def flows(
    lab: dict[str, str],
    api: KubernetesApi,
    make_repository: Callable[[str], Repository],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Flows]:
    """Base runners for a repository to which the program was just pushed: its workflow `deploy` waits for them."""
    repository = make_repository(REPOSITORY)
    # A state of this run's own: what a run that was cut off left in the server is not what the cluster has.
    place = f"flows-{secrets.token_hex(3)}"
    administrators = lab | {"PULUMI_BACKEND_URL": s3.pulumi_backend(worlds.PLATFORM, place)}
    backend = {"PULUMI_BACKEND_URL": s3.pulumi_backend(worlds.DEV, place)}
    deployers, previewers = (environment.load(world) | backend for world in (worlds.DEV, worlds.DEV_REVIEW))
    variables = {**backend, "POLICY_PACK": "policy", "POLICY_PACK_CONFIG": "policy/lab.json"}
    given = {name: deployers[name] for name in GIVEN} | {f"PREVIEW_{name}": previewers[name] for name in GIVEN}
    with GiteaApi(gitea.URL, gitea.token()) as gitea_api:
        at_forge = ProgramRepository(gitea_api, REPOSITORY)
        at_forge.set_up(given, variables)
        at_forge.push("main", config(), "The program")
        folder = tmp_path_factory.mktemp("flows")
        platform = Stack.make("flows-platform", stack_file("flows.yaml"), folder, administrators)
        dev = Stack("dev", folder, deployers)
        dev.configure(config())
        try:
            platform.up().succeeded()
            yield Flows(at_forge, Pods(api, BASE, repository))
        finally:
            dev.destroy().succeeded()  # `--remove` would take the stack file of this checkout along
            platform.destroy().succeeded()


def test_a_push_to_main_is_deployed_by_the_deployer(flows: Flows, api: KubernetesApi) -> None:
    conclusion, log = flows.ended(flows.begun("deploy.yml", "heads/main"))
    assert conclusion == "success", log
    until("the deployed runner is ready", lambda: api.get(POOL)["status"].get("readyReplicas") == 1, 10)


def test_a_pull_request_gets_one_comment_which_its_next_push_updates(flows: Flows) -> None:
    flows.at_forge.push("more", config(replicas=2), "More GPUs")
    number = flows.at_forge.open_pull_request("more", "More GPUs")
    conclusion, log = flows.ended(flows.begun("preview.yml", f"pull/{number}/head"))
    assert conclusion == "success", log
    (comment,) = flows.at_forge.comments(number)
    assert comment["body"].startswith(f"{marker('dev')}\n\n### 📝 dev: 1 to update, 1 to replace")
    assert "**cuda**: 1 → 2 GPUs" in comment["body"]
    assert comment["body"].rstrip() in "\n".join(line.partition(" ")[2] for line in log.splitlines()), log
    flows.at_forge.push("more", config(replicas=2, image="registry.example.com/nightly:1"), "Another image")
    conclusion, log = flows.ended(flows.begun("preview.yml", f"pull/{number}/head", 2))
    assert conclusion == "failure", f"a mandatory policy was broken:\n{log}"
    (again,) = flows.at_forge.comments(number)
    assert again["id"] == comment["id"]
    assert "1 mandatory" in again["body"]
    assert "container runner: found registry.example.com/nightly:1" in again["body"]


def test_drift_opens_one_issue_which_is_updated_and_closed_once_the_stack_is_clean(
    flows: Flows, api: KubernetesApi
) -> None:
    conclusions, issues = [], []
    for count, labels in enumerate(({"team": "x"}, {"owner": "y"}, {"team": None, "owner": None}), start=1):
        api.patch(f"{POOL}?fieldManager=mallory", {"metadata": {"labels": labels}})
        flows.at_forge.dispatch("drift.yml")
        conclusion, _ = flows.ended(flows.begun("drift.yml", "heads/main", count))
        conclusions.append(conclusion)
        issues.append(flows.at_forge.issues())
    assert conclusions == ["failure", "failure", "success"]
    ((number, state, text),), (updated,), (closed,) = issues
    assert state == "open"
    assert "dev: drift in 1 place" in text
    assert "mallory" in text
    assert updated[:2] == (number, "open")
    assert "dev: drift in 2 places" in updated[2]
    assert closed[:2] == (number, "closed")


def test_a_strangers_pull_request_waits_for_a_maintainer_and_gets_no_credential_even_then(flows: Flows) -> None:
    with flows.at_forge.forked_by(STRANGER, {".gitea/workflows/stranger.yml": STRANGERS_WORKFLOW}) as branch:
        number = flows.at_forge.open_pull_request(branch, "A stranger's change", user=STRANGER)
        ref = f"pull/{number}/head"
        runs = [flows.begun("preview.yml", ref), flows.begun("stranger.yml", ref)]
        flows.runners.until_ready("preview", 2)
        holds_for("no runner takes it", lambda: all(flows.is_waiting(run) for run in runs), 3)
        for run in runs:
            flows.at_forge.approve(run)
        assert flows.ended(runs[0])[0] == "skipped"
        conclusion, log = flows.ended(runs[1])
        assert conclusion == "success", log
        assert "secret of 0 characters" in log
        assert "refused: 403" in log, log
        assert flows.at_forge.comments(number) == []
