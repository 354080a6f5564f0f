"""The workflows of this repository on the lab's Gitea, as they stand: deployed, previewed, watched for drift."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from gpu_runners.review.core.comment import MARKER
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
ADMISSION = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
POOL = f"/apis/apps/v1/namespaces/{SPACE}/deployments/cuda"
REPOSITORY = "mlops/flows"
PLATFORM = "flows-platform"
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


# What the author of a pull request may write into the program: it runs in the job that previews, and there alone.
FORGED_PROGRAM = """import json, os, pathlib, urllib.error, urllib.request
report = dict(verdict="", exit_code=0, stack="dev", changes=[], drift=[], capacity=[], violations=[], unread=[],
              left_out=[], failure="", notes=["{marker} @everybody <img src=x>"], currency="<b>", plan="")
for folder in pathlib.Path(os.environ["RUNNER_TEMP"]), pathlib.Path("/tmp"):
    (folder / "report.json").write_text(json.dumps(report))
token = os.environ.get("GITHUB_TOKEN") or os.environ.get("ACTIONS_RUNTIME_TOKEN", "")
url = "{{GITHUB_API_URL}}/repos/{{GITHUB_REPOSITORY}}/issues/1/comments".format(**os.environ)
headers = {{"Authorization": "token " + token, "Content-Type": "application/json"}}
try:
    urllib.request.urlopen(urllib.request.Request(url, b'{{"body": "by the program"}}', headers))
    print("write: done")
except urllib.error.HTTPError as error:
    print("write: refused", error.code)
raise SystemExit("the program ends here")
"""
GREEN_WORKFLOW = """name: preview
on: pull_request
jobs:
  gate:
    name: gate
    runs-on: preview
    steps:
      - run: echo all is well
"""


def config(**changes: Any) -> Json:
    """The stack `dev` of the tests' repository: one pool."""
    return pools_config(pool("cuda", gpu=gpus(1)) | changes) | {"gpu-runners:namespace": SPACE}


@dataclass(frozen=True)
class Ended:
    """What came of a run: how each job ended, by its name, and what all of them printed."""

    jobs: dict[str, str]
    log: str


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

    def judged(self, count: int) -> int:
        """The number of the newest run of main's `preview` on a pull request, once there are that many."""

        def newest() -> int | None:
            runs = self.at_forge.judgements("preview.yml")
            return int(runs[0]["id"]) if len(runs) >= count else None

        return until(f"run {count} of preview.yml", newest, 30)

    def is_waiting(self, run: int) -> bool:
        """Whether no runner has its one job yet."""
        (job,) = self.at_forge.jobs(run)
        return bool(job["status"] == "waiting")

    def ended(self, run: int) -> Ended:
        """How its jobs ended, once all have."""

        def jobs() -> list[Json] | None:
            jobs = self.at_forge.jobs(run)
            return jobs if jobs and all(job["status"] == "completed" for job in jobs) else None

        found = until(f"run {run} has ended", jobs, 180, seen=lambda: self.at_forge.jobs(run))
        return Ended(
            {str(job["name"]): str(job["conclusion"]) for job in found},
            "\n".join(f"== {job['name']}\n{self.at_forge.log(job['id'])}" for job in found if job["started_at"]),
        )


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
    auditors = environment.load(worlds.PLATFORM_REVIEW)
    variables = {**backend, "POLICY_PACK": "policy", "POLICY_PACK_CONFIG": "policy/lab.json"}
    # As it were brought up by an administrator: a look needs its state and its file, and opens no secret of either.
    variables |= {"PLATFORM_STACK": PLATFORM, "PLATFORM_BACKEND_URL": administrators["PULUMI_BACKEND_URL"]}
    given = {name: deployers[name] for name in GIVEN} | {f"PREVIEW_{name}": previewers[name] for name in GIVEN}
    given |= {f"PREVIEW_PLATFORM_{name}": auditors[name] for name in GIVEN if name in auditors}
    with GiteaApi(gitea.URL, gitea.token()) as gitea_api:
        folder = tmp_path_factory.mktemp("flows")
        platform = Stack.make(PLATFORM, stack_file("flows.yaml"), folder, administrators)
        at_forge = ProgramRepository(
            gitea_api, REPOSITORY, {platform.config_file.name: platform.config_file.read_text()}
        )
        at_forge.set_up(given, variables)
        at_forge.push("main", config(), "The program")
        dev = Stack("dev", folder, deployers)
        dev.configure(config())
        try:
            platform.up().succeeded()
            yield Flows(at_forge, Pods(api, BASE, repository))
        finally:
            dev.destroy().succeeded()  # `--remove` would take the stack file of this checkout along
            platform.destroy().succeeded()


def test_a_push_to_main_is_planned_by_the_previewer_and_deployed_as_planned_by_the_deployer(
    flows: Flows, api: KubernetesApi
) -> None:
    ended = flows.ended(flows.begun("deploy.yml", "heads/main"))
    assert ended.jobs == {"plan dev": "success", "deploy dev": "success"}, ended.log
    assert ended.log.count("sha256:") >= 2, ended.log
    assert "dev is not locked and nothing in it is unfinished" in ended.log
    until("the deployed runner is ready", lambda: api.get(POOL)["status"].get("readyReplicas") == 1, 10)


def test_a_clean_first_look_makes_no_comment_and_the_gate_is_green(flows: Flows) -> None:
    flows.at_forge.push("same", config(), "Nothing", {"docs/note.md": "A word"})
    number = flows.at_forge.open_pull_request("same", "Words only")
    ended = flows.ended(flows.judged(1))
    assert ended.jobs == {"preview dev": "success", "comment": "success", "gate": "success"}, ended.log
    assert flows.at_forge.comments(number) == []


def test_a_pull_request_gets_one_comment_which_its_next_push_updates(flows: Flows) -> None:
    flows.at_forge.push("more", config(replicas=2), "More GPUs")
    number = flows.at_forge.open_pull_request("more", "More GPUs")
    ended = flows.ended(flows.judged(2))
    assert ended.jobs == {"preview dev": "success", "comment": "success", "gate": "success"}, ended.log
    (comment,) = flows.at_forge.comments(number)
    assert comment["body"].startswith(f"{MARKER}\n\n### 📝 1 stack: 1 with changes")
    assert "**In all: +1 GPUs**" in comment["body"]
    assert "| 📝 **dev** | 1 to update<br>+1 GPUs |  |" in comment["body"]
    assert "**cuda**: 1 → 2 GPUs" in comment["body"]
    assert comment["user"]["login"] == "gitea-actions"
    flows.at_forge.push("more", config(replicas=2, image="registry.example.com/nightly:1"), "Another image")
    ended = flows.ended(flows.judged(3))
    assert ended.jobs == {"preview dev": "failure", "comment": "failure", "gate": "failure"}, ended.log
    (again,) = flows.at_forge.comments(number)
    assert again["id"] == comment["id"]
    assert "🛑 1 stack: 1 against a mandatory rule" in again["body"]
    assert "container runner: found `registry.example.com/nightly:1`" in again["body"]


def test_a_pull_request_is_judged_by_main_whatever_it_changes_about_its_judges(flows: Flows) -> None:
    """It empties the pack, lets the review say that all is well, forges its report, and renames a green job `gate`."""
    forged = FORGED_PROGRAM.format(marker=MARKER)
    files = {
        "policy/lab.json": "{}",
        "policy/__main__.py": "",
        "gpu_runners/__main__.py": "print('all is well')",
        "gpu_runners/review/core/comment.py": "MARKER = ''",
        ".gitea/workflows/preview.yml": GREEN_WORKFLOW,
        "__main__.py": forged,
    }
    flows.at_forge.push("judge", config(image="registry.example.com/nightly:1"), "A judge of its own", files)
    number = flows.at_forge.open_pull_request("judge", "A judge of its own")
    ended = flows.ended(flows.judged(4))
    assert ended.jobs == {"preview dev": "failure", "comment": "failure", "gate": "failure"}, ended.log
    (comment,) = flows.at_forge.comments(number)
    assert comment["body"].startswith(f"{MARKER}\n\n### ❌ 1 stack: 1 cannot be previewed"), comment["body"]
    assert "everybody" not in comment["body"]
    assert "by the program" not in [said["body"] for said in flows.at_forge.comments(1)]
    assert "all is well" not in ended.log


def test_drift_opens_one_issue_which_is_updated_and_closed_once_the_stack_is_clean(
    flows: Flows, api: KubernetesApi
) -> None:
    conclusions: list[str] = []
    issues: list[list[tuple[int, str, str]]] = []
    for count, labels in enumerate(({"team": "x"}, {"owner": "y"}, {"team": None, "owner": None}), start=1):
        api.patch(f"{POOL}?fieldManager=mallory", {"metadata": {"labels": labels}})
        flows.at_forge.dispatch("drift.yml")
        ended = flows.ended(flows.begun("drift.yml", "heads/main", count))
        conclusions.append(ended.jobs["drift of dev"])
        assert ended.jobs["drift of the platform"] == "success", ended.log
        issues.append(flows.at_forge.issues())
    assert conclusions == ["failure", "failure", "success"]
    ((number, state, text),), (updated,), (closed,) = issues
    assert state == "open"
    assert "dev: drift in 1 place" in text
    assert "mallory" in text
    assert updated[:2] == (number, "open")
    assert "dev: drift in 2 places" in updated[2]
    assert closed[:2] == (number, "closed")
    (told,) = flows.at_forge.comments(number)
    assert told["body"].startswith("**New drift** (1):"), "its readers hear of what is new, and of no second look"


def test_drift_of_the_platform_is_seen_by_who_holds_no_passphrase_and_no_credential(
    flows: Flows, api: KubernetesApi
) -> None:
    """Quota raised, a network policy gone, admission that only watches: each of them opens a pool to its jobs."""
    quota = f"/api/v1/namespaces/{SPACE}/resourcequotas/gpus"
    policy = f"/apis/networking.k8s.io/v1/namespaces/{SPACE}/networkpolicies/deny-all"
    binding = f"{ADMISSION}/{SPACE}-runner-pods"
    api.patch(f"{quota}?fieldManager=mallory", {"spec": {"hard": {"pods": "4000"}}})
    kept = api.get(policy)
    api.delete(policy)
    api.patch(f"{binding}?fieldManager=mallory", {"spec": {"validationActions": ["Audit"]}})
    flows.at_forge.dispatch("drift.yml")
    ended = flows.ended(flows.begun("drift.yml", "heads/main", 4))
    assert ended.jobs["drift of the platform"] == "failure", ended.log
    (issue,) = [text for _, state, text in flows.at_forge.issues() if state == "open"]
    assert f"{PLATFORM}: drift in 3 places" in issue
    for what in ("spec.hard.pods", f"{SPACE}/deny-all", "spec.validationActions"):
        assert what in issue
    api.patch(quota, {"spec": {"hard": {"pods": "500"}}})
    api.patch(binding, {"spec": {"validationActions": ["Deny"]}})
    for name in ("resourceVersion", "uid", "managedFields"):
        kept["metadata"].pop(name)
    api.create(policy.rpartition("/")[0], kept)


def test_a_strangers_pull_request_is_not_previewed_and_gets_no_credential_even_once_agreed_to(flows: Flows) -> None:
    with flows.at_forge.forked_by(STRANGER, {".gitea/workflows/stranger.yml": STRANGERS_WORKFLOW}) as branch:
        number = flows.at_forge.open_pull_request(branch, "A stranger's change", user=STRANGER)
        ended = flows.ended(flows.judged(5))
        assert ended.jobs == {"preview dev": "skipped", "comment": "skipped", "gate": "success"}, ended.log
        assert "Not previewed, because it comes from a fork" in ended.log
        run = flows.begun("stranger.yml", f"pull/{number}/head")
        flows.runners.until_ready("preview", 2)
        holds_for("no runner takes it", lambda: flows.is_waiting(run), 3)
        flows.at_forge.approve(run)
        ended = flows.ended(run)
        assert list(ended.jobs.values()) == ["success"], ended.log
        assert "secret of 0 characters" in ended.log
        assert "refused: 403" in ended.log, ended.log
        assert flows.at_forge.comments(number) == []
