"""GitHub's side for real: a third-party runner in a real pod, against the stand-in.

What this does not show: that github.com and GitHub's own runner agree with our reading of their documentation.
"""

from collections.abc import Iterator

import pytest

from components.pools.runner_scripts import PRE_STOP, RUNNER_PROCESS, START
from lab.trial.deadline import until
from lab.trial.kubernetes import Json, KubernetesApi
from tests.github import description as github_description
from tests.lab.github_forge import Exchanges, GithubRepository

NAMESPACE = "github-runner-test"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
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


@pytest.fixture
def exchanges(at_github: GithubRepository) -> Iterator[Exchanges]:
    """What a test and the programs that it starts ask; GitHub's own description judges all of it."""
    exchanges = Exchanges()
    yield exchanges
    wrong = sorted({problem for exchange in exchanges.all() for problem in github_description.problems(exchange)})
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
        "RUNNER_PROCESS": RUNNER_PROCESS["github"], "USER": "runner",
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
    at_github: GithubRepository, exchanges: Exchanges, api: KubernetesApi, namespace: str
) -> None:
    at_github.set_secret("KEY", SECRET)
    run = at_github.dispatch(WORKFLOW)
    api.create(PODS, runner_pod("first", at_github.jit_configuration("first", "self-hosted", "cml-gpu")))

    def running() -> bool:
        job = at_github.jobs(run)["train"]
        return job["status"] == "in_progress" and "trained by" in at_github.log(job["id"])

    until("the job runs", running, 30, seen=lambda: (at_github.jobs(run), api.find(f"{PODS}/first")))
    assert at_github.runners()["first"]["busy"] is True
    api.delete(f"{PODS}/first")
    job = until("the job has ended", lambda: _ended(at_github, run), 30)
    assert (job["conclusion"], job["runner_name"]) == ("success", "first")
    log = at_github.log(job["id"])
    # The output and not the conclusion: a job whose steps this runner does not understand is a success as well.
    assert "trained by 1001 with key *** in mlops/github-tests" in log
    assert "and to its end" in log
    assert SECRET not in log
    assert "first" not in at_github.runners()
    until("the pod is gone", lambda: api.find(f"{PODS}/first") is None, 20)


def _ended(at_github: GithubRepository, run: int) -> Json | None:
    job = at_github.jobs(run)["train"]
    return job if job["status"] == "completed" else None
