"""`gpu-runners why` on the real cluster: a stack of pools broken in different ways, each with its own answer."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gpu_runners.exit_code import ExitCode
from lab import paths
from lab.trial.deadline import until
from lab.trial.kubernetes import KubernetesApi
from lab.trial.pods import Pods
from lab.trial.pools import NAMESPACE, PRODUCT, REPOSITORY, SYSTEM_NAMESPACE, gpus, pool, pools_config
from lab.trial.repository import Repository
from lab.trial.stack import Outcome, Stack
from lab.trial.workflow import Run, push, several_jobs
from values.contract import POOL_LABEL

STACK, DEADLINE_SECONDS, ANSWER_SECONDS = "tests-why", 20, 90
APPS = f"/apis/apps/v1/namespaces/{NAMESPACE}"
NODE = "/api/v1/nodes/lab"
REGISTRAR = f"/apis/apps/v1/namespaces/{SYSTEM_NAMESPACE}/deployments/registrar"
STATUS = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/services/https:registrar:8444/proxy"
FAKE = "NVIDIA-H100-80GB-HBM3"  # of nodes with a taint
POOLS = {
    "fits-no-node": pool("fits-no-node", gpu=gpus(1, product="NVIDIA-NOT-HERE")),
    "tainted": pool("tainted", gpu={**gpus(1, product=FAKE), "tolerations": []}),
    "hoarder": pool("hoarder", gpu=gpus(4)),
    "starved": pool("starved", gpu=gpus(1)),
    "too-large": pool("too-large", memory="900Gi"),
    "over-quota": pool("over-quota", ephemeralStorage="1950Gi"),
    "no-image": pool("no-image", image="lab.local/not-there:lab"),
    "no-shell": pool("no-shell", image="lab.local/pause:lab"),
    "at-zero": pool("at-zero", replicas=0),
    "well": pool("well"),
    "deleted": pool("deleted"),
    "scaled": pool("scaled"),
    "paused": pool("paused"),
    "cordoned": pool("cordoned"),
    "removed": pool("removed"),
    "busy": pool("busy"),
}  # fmt: skip
AT_ONCE = {
    "fits-no-node": "selector-matches-no-node",
    "tainted": "taint-not-tolerated",
    "starved": "gpus-in-use",
    "too-large": "larger-than-a-node",
    "over-quota": "quota-exceeded",
    "no-image": "registry-unreachable",
    "no-shell": "image-has-no-shell",
    "at-zero": "declared-zero",
    "well": "healthy",
    "deleted": "deployment-gone",
    "scaled": "scaled-by-hand",
    "paused": "deployment-paused",
    "cordoned": "runner-cordoned",
    "busy": "all-runners-busy",
    "later": "not-brought-up",
    "nobody": "pool-unknown",
}
HEALTHY = ("hoarder", "well", "deleted", "scaled", "paused", "cordoned", "removed", "busy")


MakeStack = Callable[[str, Mapping[str, Any]], Stack]


class Asking:
    """The stack, and the command that asks about it."""

    def __init__(self, stack: Stack, up: Outcome) -> None:
        self.stack, self.up = stack, up

    def run(self, subject: str, *flags: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return self.command("why", subject, "--stack", self.stack.name, *flags, **environment)

    def command(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        stack = self.stack
        options = ("--folder", str(stack.program), "--config-file", str(stack.config_file))
        return subprocess.run(
            [sys.executable, "-m", "gpu_runners", *arguments, *options],
            cwd=paths.REPOSITORY, env={**stack.environment, **environment}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    def situation(self, subject: str, **environment: str) -> str:
        """The answer in a word, "" where there is none."""
        done = self.run(subject, "--format", "json", **environment)
        assert done.stdout, done.stderr
        return str(json.loads(done.stdout)[0]["situation"])

    def until(self, subject: str, situation: str) -> None:
        """Waits until that is the answer."""
        said: list[str] = []

        def is_said() -> bool:
            said[:] = [self.situation(subject)]
            return said == [situation]

        until(f"why {subject} says {situation}", is_said, ANSWER_SECONDS, seen=lambda: list(said))


@pytest.fixture(scope="module")
def asking(make_stack: MakeStack, platform: Stack, pods: Pods, api: KubernetesApi, repository: Repository) -> Asking:
    stack = make_stack(STACK, pools_config(*POOLS.values(), online_deadline_seconds=DEADLINE_SECONDS))
    up = stack.up()
    for name in HEALTHY:
        pods.until_ready(name, 1, 60)
    stack.configure(pools_config(*POOLS.values(), pool("later"), online_deadline_seconds=DEADLINE_SECONDS))
    break_by_hand(api, repository, pods)
    return Asking(stack, up)


def break_by_hand(api: KubernetesApi, repository: Repository, pods: Pods) -> None:
    """What somebody did to the runners that had been online."""
    by_name = {runner.name: runner.id for runner in repository.runners()}
    repository.disable_runner(by_name[pods.of("cordoned")[0].name])
    api.delete(f"{APPS}/deployments/deleted")
    api.patch(f"{APPS}/deployments/scaled", {"spec": {"replicas": 0}})
    api.patch(f"{APPS}/deployments/paused", {"spec": {"paused": True}})
    for replica_set in api.items(f"{APPS}/replicasets", f"{POOL_LABEL}=paused"):
        api.delete(f"{APPS}/replicasets/{replica_set['metadata']['name']}", propagationPolicy="Background")


@pytest.fixture(scope="module")
def run(asking: Asking, repository: Repository, pods: Pods, api: KubernetesApi) -> Iterator[Run]:
    """Two jobs for one runner, and one that nobody takes."""
    jobs = {
        "first": ("busy", "sleep 300"),
        "second": ("busy", "sleep 300"),
        "lonely": ("nobody-offers-this", "true"),
        "short": ("well", "true"),
    }
    begun = push(repository, several_jobs(jobs))
    until("one of the jobs runs", lambda: any(job.status == "in_progress" for job in begun.jobs().values()), 60)
    yield begun
    # Their jobs would hold the pods, and with them the end of the tests.
    api.patch(f"{APPS}/deployments/busy", {"spec": {"replicas": 0}})

    def are_gone() -> bool:
        for pod in pods.of("busy"):
            pods.delete(pod.name, gracePeriodSeconds=0)
        return not pods.of("busy")

    until("the runners with long jobs are gone", are_gone, 60)


@contextmanager
def patched(api: KubernetesApi, path: str, there: Any, back: Any) -> Iterator[None]:
    """A change that is taken back, whatever a test finds."""
    api.patch(path, {"spec": there})
    try:
        yield
    finally:
        api.patch(path, {"spec": back})


@pytest.mark.parametrize("name", AT_ONCE)
def test_each_of_many_broken_pools_gets_its_own_answer(asking: Asking, run: Run, name: str) -> None:
    asking.until(name, AT_ONCE[name])


def test_a_runner_that_was_removed_at_the_forge_is_named(asking: Asking, repository: Repository, pods: Pods) -> None:
    (pod,) = pods.until_ready("removed", 1, 60)
    repository.remove_runner(next(runner.id for runner in repository.runners() if runner.name == pod.name))
    asking.until("removed", "runner-removed")  # the registrar replaces its pod after minutes


def test_the_failed_up_said_the_same(asking: Asking) -> None:
    assert asking.up.code != 0
    answer = asking.run("fits-no-node").stdout.splitlines()
    assert f"why {answer[0]}" in asking.up.output, asking.up.output
    assert all(line.strip() in asking.up.output for line in answer[1:] if "not looked at" not in line)


def test_a_job_gets_an_answer_by_its_number(asking: Asking, run: Run) -> None:
    jobs = run.jobs()
    running = next(job for job in jobs.values() if job.status == "in_progress")
    waiting = next(job for name, job in jobs.items() if name in ("first", "second") and job.id != running.id)
    asking.until(str(running.id), "job-runs")
    asking.until(str(waiting.id), "all-runners-busy")
    asking.until(str(jobs["lonely"].id), "job-nobody-takes")
    assert asking.run(str(jobs["lonely"].id)).returncode == ExitCode.FOUND


def test_top_shows_every_pool_with_its_answer_and_the_gpus(asking: Asking, run: Run) -> None:
    shown = asking.command("top", asking.stack.name)
    assert shown.returncode == ExitCode.DONE, shown.stderr
    rows = {line.split()[0]: line for line in shown.stdout.splitlines() if line.strip()}
    assert {f"{NAMESPACE}/{name}" for name in POOLS} <= rows.keys()
    assert "gpus-in-use" in rows[f"{NAMESPACE}/starved"]
    assert rows[PRODUCT].split()[2:5] == ["1", "4", "4"], "nodes, GPUs, those that are held"


def test_usage_and_the_metrics_count_the_job_that_has_ended(asking: Asking, run: Run, api: KubernetesApi) -> None:
    until("the short job has ended", lambda: run.jobs()["short"].conclusion == "success", 60)
    used = asking.command("usage", asking.stack.name, "--weeks", "2", "--format", "json")
    assert used.returncode == ExitCode.DONE, used.stderr
    rows = [row for row in json.loads(used.stdout) if row["pool"] == f"{NAMESPACE}/well"]
    assert sum(row["jobs"] for row in rows) == 1
    assert rows[0]["repository"] == REPOSITORY
    series = f'gpu_runners_job_queue_seconds_count{{namespace="{NAMESPACE}",pool="well"}} 1.0'
    until("the registrar has counted the job", lambda: series in api.text(f"{STATUS}/metrics"), 60)
    text = api.text(f"{STATUS}/metrics")
    gpus = f'{{namespace="{NAMESPACE}",pool="hoarder",resource="nvidia.com/gpu",state="idle"}}'
    assert f"gpu_runners_gpus{gpus} 4.0" in text
    assert f"gpu_runners_gpu_seconds_total{gpus}" in text


def test_nodes_that_are_cordoned_or_tainted_are_named(asking: Asking, api: KubernetesApi) -> None:
    with patched(api, NODE, {"unschedulable": True}, {"unschedulable": None}):
        asking.until("starved", "nodes-cordoned")
    taint = {"key": "dedicated", "value": "others", "effect": "NoSchedule"}
    with patched(api, NODE, {"taints": [taint]}, {"taints": None}):
        asking.until("starved", "taint-not-tolerated")


def test_a_cluster_that_is_away_is_the_answer(asking: Asking, tmp_path: Path) -> None:
    text = Path(asking.stack.environment["KUBECONFIG"]).read_text(encoding="utf-8")
    away = tmp_path / "kubeconfig"
    away.write_text(text.replace(":6443", ":1"), encoding="utf-8")
    assert asking.situation("well", KUBECONFIG=str(away)) == "cluster-unreachable"


def test_a_registrar_that_is_away_is_the_answer_where_a_runner_needs_it(
    asking: Asking, api: KubernetesApi, pods: Pods
) -> None:
    with patched(api, REGISTRAR, {"replicas": 0}, {"replicas": 1}):
        asking.until("well", "registrar-scaled-down")
    asking.until("well", "healthy")
