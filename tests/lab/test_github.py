"""GitHub's side for real: a third-party runner in a real pod, and Pulumi's GitHub provider, against the stand-in.

What this does not show: that github.com and GitHub's own runner agree with our reading of their documentation.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from components.runner_scripts import PRE_STOP, RUNNER_PROCESS, START
from lab.github import daemon, parts
from tests import github_description
from tests.lab.deadline import until
from tests.lab.github_forge import TOKEN, Exchanges, GithubRepository
from tests.lab.kubernetes import Json, KubernetesApi
from tests.lab.stack import Stack

NAMESPACE = "github-runner-test"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
PROGRAM = Path(__file__).parent / "github_wiring"
SECRET = "hush-hush-4711"
WORKFLOW = """
name: test
on: workflow_dispatch
jobs:
  train:
    runs-on: cml-gpu
    env: {KEY: "${{ secrets.KEY }}"}
    steps:
      - run: echo "trained by $(id -u) with key $KEY in ${{ github.repository }}"
      - run: sleep 6; echo "and to its end"
"""


@pytest.fixture(scope="module")
def repository(lab: Mapping[str, str]) -> Iterator[GithubRepository]:
    parts.up(print)
    found = GithubRepository()
    yield found
    found.close()


@pytest.fixture
def exchanges(repository: GithubRepository) -> Iterator[Exchanges]:
    """What a test and the programs that it starts ask; GitHub's own description judges all of it."""
    found = Exchanges()
    yield found
    wrong = sorted({problem for each in found.all() for problem in github_description.problems(each)})
    assert not wrong, "GitHub's description disagrees:\n" + "\n".join(wrong)


@pytest.fixture
def namespace(api: KubernetesApi) -> Iterator[str]:
    path = f"/api/v1/namespaces/{NAMESPACE}"
    until("no earlier namespace is left", lambda: api.find(path) is None or _deleted(api, path), 60)
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE, "labels": labels}})
    account = f"{path}/serviceaccounts/default"
    until("the namespace has its account", lambda: api.find(account), 20)
    yield NAMESPACE
    api.delete(path)


def _deleted(api: KubernetesApi, path: str) -> bool:
    api.delete(path)
    return False


def runner_pod(name: str, configuration: str) -> Json:
    """The product's own start and preStop scripts, with the registration from a variable instead of the registrar."""
    variables = {
        "CORDON_SECONDS": "1", "HOME": "/work", "JOBS_DIRECTORY": "/work/jobs", "PROCESSES_DIRECTORY": "/proc",
        "PROTECT_JOB_SECONDS": "60", "REGISTRATION_DIRECTORY": "/registration", "RUNNER_DIRECTORY": "/runner",
        "RUNNER_PROCESS": RUNNER_PROCESS["github"], "TERMINATION_LOG": "/dev/termination-log", "USER": "runner",
    }  # fmt: skip
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    mounts = [{"name": part, "mountPath": f"/{part}"} for part in ("work", "runner", "registration")]
    copy = 'cp -R /home/runner/. /runner/ && printf %s "$CONFIGURATION" > /registration/registration'
    common: Json = {"imagePullPolicy": "IfNotPresent", "securityContext": security, "volumeMounts": mounts}
    return {
        "metadata": {"name": name},
        "spec": {
            "automountServiceAccountToken": False,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 60,
            "nodeSelector": {"kubernetes.io/hostname": "lab"},
            "securityContext": {
                "runAsNonRoot": True, "runAsUser": 1001, "fsGroup": 1001, "seccompProfile": {"type": "RuntimeDefault"},
            },
            "initContainers": [
                {
                    **common, "name": "copy", "image": "lab.local/github-runner:lab", "command": ["sh", "-c", copy],
                    "env": [{"name": "CONFIGURATION", "value": configuration}],
                }
            ],
            "containers": [
                {
                    **common, "name": "runner", "image": "lab.local/cuda-mlops:lab", "workingDir": "/work",
                    "command": ["/bin/sh", "-c", START["github"]],
                    "env": [{"name": key, "value": value} for key, value in variables.items()],
                    "lifecycle": {"preStop": {"exec": {"command": ["/bin/sh", "-c", PRE_STOP]}}},
                }
            ],
            "volumes": [{"name": mount["name"], "emptyDir": {}} for mount in mounts],
        },
    }  # fmt: skip


def test_a_runner_in_a_restricted_pod_runs_its_job_to_the_end_though_the_pod_is_deleted(
    repository: GithubRepository, exchanges: Exchanges, api: KubernetesApi, namespace: str
) -> None:
    repository.set_secret("KEY", SECRET)
    run = repository.dispatch(WORKFLOW)
    api.create(PODS, runner_pod("first", repository.jit_configuration("first", "self-hosted", "cml-gpu")))

    def running() -> bool:
        job = repository.jobs(run)["train"]
        return job["status"] == "in_progress" and "trained by" in repository.log(job["id"])

    until("the job runs", running, 30, seen=lambda: (repository.jobs(run), api.find(f"{PODS}/first")))
    assert repository.runners()["first"]["busy"] is True
    api.delete(f"{PODS}/first")
    job = until("the job has ended", lambda: _ended(repository, run), 30)
    assert (job["conclusion"], job["runner_name"]) == ("success", "first")
    log = repository.log(job["id"])
    # The output and not the conclusion: a job whose steps this runner does not understand is a success as well.
    assert "trained by 1001 with key *** in mlops/github-tests" in log
    assert "and to its end" in log
    assert SECRET not in log
    assert "first" not in repository.runners()
    until("the pod is gone", lambda: api.find(f"{PODS}/first") is None, 20)


def _ended(repository: GithubRepository, run: int) -> Json | None:
    job = repository.jobs(run)["train"]
    return job if job["status"] == "completed" else None


def test_the_wiring_at_github_comes_up_once_and_stays_clean(
    repository: GithubRepository, exchanges: Exchanges, backend: Mapping[str, str], tmp_path: Path
) -> None:
    parts.install_provider(print)
    environment = {
        **backend, "GITHUB_BASE_URL": f"{daemon.URL}/api/v3/", "GITHUB_TOKEN": TOKEN, "GITHUB_OWNER": "mlops",
        "WIRED_SECRET": SECRET,
    }  # fmt: skip
    config: dict[str, Any] = {
        "github:writeDelayMs": 1,  # the provider's second between two writes protects a real GitHub's limits
        "github-wiring:repositoryId": repository.id,
    }
    stack = Stack.make("wiring", config, tmp_path, environment, PROGRAM)
    try:
        assert SECRET not in stack.up().succeeded().output
        stack.preview().succeeded()
        stack.refresh().succeeded()
        state = Path(backend["PULUMI_BACKEND_URL"].removeprefix("file://"))
        written = [file.read_text() for file in state.rglob("*.json")]
        assert written
        assert not any(SECRET in text for text in written)
        asked = [each for each in exchanges.all() if each.method in ("POST", "PUT", "PATCH")]
        assert SECRET not in json.dumps([each.request for each in asked])  # sealed for GitHub's key
        groups = [each.request for each in asked if each.path.endswith("/runner-groups")]
        assert groups
        assert all(group["allows_public_repositories"] is False for group in groups)
    finally:
        stack.destroy().succeeded()
