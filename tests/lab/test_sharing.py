"""Pools of several sizes, teams and priorities share the real node's four GPUs, by real jobs and a real KEDA."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pytest

from lab import keda, node
from lab.trial.deadline import until
from lab.trial.kubernetes import KubernetesApi
from lab.trial.ledger import Entry, Ledger, say
from lab.trial.pods import Pods
from lab.trial.repository import Repository
from lab.trial.stack import Stack
from lab.trial.workflow import Run, push, several_jobs
from tests.lab.conftest import stack_file
from tests.lab.gpu_holders import until_gpus_are_free

NAMESPACE, SYSTEM = "gpu-runners-shared", "gpu-runners-shared-system"
UNSERVED = f"/api/v1/namespaces/{SYSTEM}/services/https:registrar:8444/proxy/unserved"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
PRIORITY_CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
EARLIER, LATER, SECONDS = 8, 16, 5
LEAST_AFTER = 8  # of the later jobs, those that must still wait when the large one begins
MINUTE = 60.0

MakeStack = Callable[[str, Mapping[str, Any]], Stack]


@pytest.fixture(scope="module")
def repository(make_repository: Callable[[str], Repository]) -> Repository:
    return make_repository("mlops/shared")


@pytest.fixture(scope="module")
def urgent(api: KubernetesApi) -> Iterator[str]:
    name = "gpu-runners-urgent"
    if api.find(f"{PRIORITY_CLASSES}/{name}") is None:
        api.create(PRIORITY_CLASSES, {"metadata": {"name": name}, "value": 1000})
    yield name
    api.delete(f"{PRIORITY_CLASSES}/{name}")


@pytest.fixture(scope="module")
def stack(api: KubernetesApi, make_stack: MakeStack, repository: Repository, urgent: str) -> Stack:
    keda.up(print)
    made = make_stack("tests-shared", stack_file("shared.yaml"))
    made.up().succeeded()
    return made


def jobs_of(
    pool: str, number: int, seconds: int = SECONDS, *, topic: str, name: str = ""
) -> dict[str, tuple[str, str]]:
    script = f"{say(topic, f'{pool} $GITHUB_JOB')}\nsleep {seconds}"
    return {f"{name or pool}-{index:02}": (pool, script) for index in range(number)}


def succeeded(*runs: Run, seconds: float) -> None:
    for run in runs:
        assert {job.conclusion for job in run.until_done(seconds).values()} == {"success"}


def test_a_job_of_four_gpus_has_its_turn_before_small_ones_that_came_later(
    api: KubernetesApi, stack: Stack, repository: Repository, ledger: Ledger
) -> None:
    until_gpus_are_free(api)
    runs = [
        push(repository, several_jobs(jobs))
        for jobs in (
            jobs_of("single", EARLIER, topic="turns"),
            jobs_of("four", 1, topic="turns"),
            jobs_of("team", 2, topic="turns") | jobs_of("single", LATER, topic="turns", name="later"),
        )
    ]
    succeeded(*runs, seconds=360)
    said: list[Entry] = ledger.about("turns")
    assert set(Counter(entry.words for entry in said).values()) == {1}, "a job ran twice"
    order = [entry.words[0] for entry in sorted(said, key=lambda entry: entry.at)]
    after = len(order) - order.index("four") - 1
    print(f"jobs that began after the one of four GPUs: {after} of {LATER + 2} later ones")
    assert after >= LEAST_AFTER, order


def test_an_urgent_job_has_its_place_at_once_and_no_job_is_ended_for_it(
    api: KubernetesApi, stack: Stack, repository: Repository, ledger: Ledger
) -> None:
    until_gpus_are_free(api)
    busy = push(repository, several_jobs(jobs_of("single", 4, 20, topic="urgency")))
    ledger.until("urgency", lambda said: len(said) == 4, 90)
    queued = push(repository, several_jobs(jobs_of("single", 12, 10, topic="urgency", name="queued")))
    urgent_run = push(repository, several_jobs(jobs_of("urgent", 1, 1, topic="urgency")))
    succeeded(busy, queued, urgent_run, seconds=300)
    order = [entry.words[0] for entry in ledger.about("urgency")]
    assert Counter(order) == {"single": 16, "urgent": 1}
    assert len({entry.words for entry in ledger.about("urgency")}) == 17, "a job ran twice"
    # Some of the queue may begin while those that run one after the other make room.
    assert order.index("urgent") < len(order) - 4, order


def test_what_no_pool_can_take_is_told_within_a_minute_with_the_cure(
    api: KubernetesApi, stack: Stack, repository: Repository
) -> None:
    push(repository, several_jobs({"typo": ("singel", "true"), "large": ("huge", "true")}))

    def told() -> dict[str, dict[str, Any]]:
        return {entry["reason"]: entry for entry in api.get(UNSERVED)["jobs"]}

    until("both are told", lambda: set(told()) >= {"NoPool", "NoNode"}, MINUTE, seen=told)
    entries = told()
    assert entries["NoPool"]["cure"] == "did you mean single instead of singel?"
    assert entries["NoNode"]["pool"] == f"{NAMESPACE}/huge"
    assert "ask for no more nvidia.com/gpu than one node has" in entries["NoNode"]["cure"]


def test_images_are_pulled_ahead_by_a_pod_that_can_do_nothing_else(api: KubernetesApi, stack: Stack) -> None:
    def running() -> list[dict[str, Any]]:
        pods = api.items(PODS, "gpu-runners.dev/prepull=single")
        return [pod for pod in pods if pod["spec"].get("nodeName") == node.NAME and pod["status"]["phase"] == "Running"]

    until("the real node has the pod that pulls ahead", running, MINUTE, seen=lambda: api.items(PODS))
    (pod, *_) = running()
    spec = {key: value for key, value in pod["spec"].items() if key not in ("nodeName", "affinity")}
    labels = {key: value for key, value in pod["metadata"]["labels"].items() if "/" in key}

    def refused(*, spec: dict[str, Any], labels: dict[str, str]) -> str:
        body = {"metadata": {"generateName": "by-hand-", "labels": labels}, "spec": spec}
        answer = api.attempt("POST", f"{PODS}?dryRun=All", body)
        assert answer.status_code in (201, 422), answer.text
        return answer.text if answer.status_code == 422 else ""

    assert refused(spec=spec, labels=labels) == ""
    runner = {**labels, "gpu-runners.dev/pool": "single"}
    assert "metadata.labels.gpu-runners.dev/pool: found a field" in refused(spec=spec, labels=runner)
    container = spec["containers"][0]
    for change in (
        {"command": ["/bin/sh", "-c", "id"]},
        {"env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]},
        {"resources": {"requests": container["resources"]["requests"], "limits": {"memory": "64Gi"}}},
        {"args": ["x"]},
    ):
        hostile = {**spec, "containers": [{**container, **change}]}
        assert "refused in a namespace of runners" in refused(spec=hostile, labels=labels), change
    assert "spec.volumes" in refused(spec={**spec, "volumes": [{"name": "x", "emptyDir": {}}]}, labels=labels)


def began(ledger: Ledger, how: str) -> float:
    """When that job said so, 0 while it has not."""
    return next((entry.at for entry in ledger.about("warmth") if entry.words == (how,)), 0.0)


def test_a_warm_runner_begins_its_job_before_a_cold_one_could(
    api: KubernetesApi, stack: Stack, repository: Repository, ledger: Ledger
) -> None:
    """`min` above zero, here by the idle runner that the first job leaves behind."""
    until("the pool is at zero", lambda: not api.items(PODS, "gpu-runners.dev/pool=single"), 2 * MINUTE)
    seconds = {}
    for how in ("cold", "warm"):
        run = push(repository, several_jobs({how: ("single", say("warmth", how))}))
        until(f"the {how} job has begun", partial(began, ledger, how), 90)
        seconds[how] = began(ledger, how) - run.pushed
        succeeded(run, seconds=60)
        if how == "cold":
            Pods(api, NAMESPACE, repository).until_ready("single", 1)
    print(f"push to first step: {seconds}")
    assert seconds["warm"] < seconds["cold"]
