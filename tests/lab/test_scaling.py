"""A pool follows the queue with real jobs, by a real KEDA: from zero, back to zero, and without losing a job."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from lab import keda
from lab.trial.deadline import until
from lab.trial.kubernetes import KubernetesApi
from lab.trial.ledger import Ledger, say
from lab.trial.pods import Pods
from lab.trial.repository import Repository
from lab.trial.stack import Stack
from lab.trial.workflow import push, several_jobs
from tests.lab.conftest import stack_file

NAMESPACE, POOL = "gpu-runners-scaled", "scaled"
SCALED_OBJECT = f"/apis/keda.sh/v1alpha1/namespaces/{NAMESPACE}/scaledobjects/{POOL}"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{POOL}"
PAUSED = "autoscaling.keda.sh/paused-replicas"
AT_ONCE, SILENT_SECONDS = 4, 60  # longer than an `up`, a preview and a refresh together on a busy machine
SHORT_JOBS, FLIP_SECONDS = 60, 7.0

MakeStack = Callable[[str, Mapping[str, Any]], Stack]


@pytest.fixture(scope="module")
def repository(make_repository: Callable[[str], Repository]) -> Repository:
    return make_repository("mlops/scaled")


@pytest.fixture(scope="module")
def stack(lab: dict[str, str], make_stack: MakeStack, repository: Repository) -> Stack:
    keda.up(print)
    made = make_stack("tests-scaled", stack_file("scaled.yaml"))
    made.up().succeeded()
    return made


@pytest.fixture(scope="module")
def scaled(api: KubernetesApi, stack: Stack, repository: Repository) -> Pods:
    return Pods(api, NAMESPACE, repository)


def replicas(api: KubernetesApi) -> int:
    return int(api.get(DEPLOYMENT)["spec"].get("replicas", 0))


def until_zero(api: KubernetesApi, scaled: Pods) -> None:
    until("the pool is at zero", lambda: replicas(api) == 0 and not scaled.of(POOL), 90,
          seen=lambda: (replicas(api), [pod.name for pod in scaled.of(POOL)]))  # fmt: skip


def test_a_pool_goes_from_zero_to_its_jobs_and_back_and_up_leaves_the_number_alone(
    api: KubernetesApi, stack: Stack, scaled: Pods, repository: Repository
) -> None:
    until_zero(api, scaled)
    jobs = {f"job-{number}": (POOL, f"sleep {SILENT_SECONDS}") for number in range(AT_ONCE)}
    run = push(repository, several_jobs(jobs))
    until(
        "every job has a runner of its own", lambda: len({j.runner for j in run.jobs().values() if j.runner}) == 4, 60
    )
    assert replicas(api) == AT_ONCE
    for outcome in (stack.up(), stack.preview(), stack.refresh()):
        outcome.succeeded()
    assert replicas(api) == AT_ONCE
    ended = run.until_done(180)
    assert {job.conclusion for job in ended.values()} == {"success"}
    until_zero(api, scaled)
    stack.refresh().succeeded()


def test_an_up_that_raises_min_waits_for_the_runners_that_stay_and_leaves_their_number_to_keda(
    api: KubernetesApi, stack: Stack, scaled: Pods
) -> None:
    until_zero(api, scaled)
    config = stack_file("scaled.yaml")
    config["gpu-runners:pools"][0]["autoscaling"]["min"] = 2
    stack.configure(config)
    try:
        outcome = stack.up()
        outcome.succeeded()
        online = [pod for pod in scaled.of(POOL) if pod.online]
        assert (replicas(api), len(online)) == (2, 2), outcome.output
        assert "scaled: 0 of 2 online" in outcome.output
        stack.refresh().succeeded()
    finally:
        stack.configure(stack_file("scaled.yaml"))
        stack.up().succeeded()
    until_zero(api, scaled)


@pytest.fixture
def flipping(api: KubernetesApi, stack: Stack) -> Iterator[None]:
    """The pool is held at zero every other few seconds, as if its maximum were."""
    stop = threading.Event()

    def flip() -> None:
        held = False
        while not stop.wait(FLIP_SECONDS):
            held = not held
            mark(api, "0" if held else None)
        mark(api, None)

    thread = threading.Thread(target=flip)
    thread.start()
    yield
    stop.set()
    thread.join()


def mark(api: KubernetesApi, value: str | None) -> None:
    api.patch(SCALED_OBJECT, {"metadata": {"annotations": {PAUSED: value}}})


@pytest.mark.usefixtures("flipping")
def test_no_job_is_lost_or_run_twice_while_the_pool_is_thrown_to_zero_again_and_again(
    repository: Repository, ledger: Ledger
) -> None:
    script = f"{say('flips', '$GITHUB_JOB begin')}\nsleep 1\n{say('flips', '$GITHUB_JOB end')}"
    run = push(repository, several_jobs({f"short-{number}": (POOL, script) for number in range(SHORT_JOBS)}))
    ended = run.until_done(300)
    assert Counter(job.conclusion for job in ended.values()) == {"success": SHORT_JOBS}
    told = Counter(entry.words for entry in ledger.about("flips"))
    assert set(told.values()) == {1}
    assert len(told) == 2 * SHORT_JOBS


def test_another_scaler_on_the_same_pool_is_refused_before_anything_is_changed(
    api: KubernetesApi, stack: Stack
) -> None:
    path = f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers"
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": POOL}
    body = {"metadata": {"name": "by-hand"}, "spec": {"scaleTargetRef": target, "maxReplicas": 2}}
    api.create(path, body)
    try:
        refused = stack.up()
    finally:
        api.delete(f"{path}/by-hand")
    assert refused.code != 0
    assert f"found the HorizontalPodAutoscaler {NAMESPACE}/by-hand, which scales it already" in refused.output


def test_a_scaled_object_of_somebody_else_is_not_admitted(api: KubernetesApi, stack: Stack) -> None:
    spec = json.loads(json.dumps(api.get(SCALED_OBJECT)["spec"]))
    spec["triggers"][0]["metadata"]["url"] = "http://169.254.169.254/"
    names = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "elsewhere"}}
    answer = api.attempt("POST", SCALED_OBJECT.rpartition("/")[0], {**names, "spec": spec})
    assert answer.status_code == 422
    assert "refused in a namespace of runners" in answer.text
