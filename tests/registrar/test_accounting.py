"""What runners cost and how long jobs waited, as metrics with the field's units."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from registrar.accounting import LONGEST_TICK_SECONDS, Accounting
from registrar.forges.answers import read_job
from registrar.metrics import Metrics
from registrar.outcomes import Outcome, outcome_of
from registrar.pods import RunnerPod, Stage
from registrar.untrusted import Entry
from tests.registrar.conftest import PATIENCE_SECONDS, World, until
from tests.registrar.stand_in_cluster import runner_pod
from tests.registrar.test_brake import ended_pod
from tests.registrar.test_reading import read as read_document
from values import contract

JOB = {"id": 7, "name": "train", "labels": ["cml-gpu"], "runner_id": 1, "status": "completed", "conclusion": "success",
       "created_at": "2026-11-26T20:00:00Z", "started_at": "2026-11-26T20:00:40+00:00",
       "completed_at": "2026-11-26T21:00:40Z"}  # fmt: skip
GPU = "nvidia.com/gpu"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"gpu_runners_{name}", labels)


def holding(*, busy: str | None, stage: Stage = Stage.RUNNING, gpus: int = 2) -> RunnerPod:
    return replace(ended_pod("a", at=0), ended=None, stage=stage, busy=busy, gpus=gpus, gpu_resource=GPU)


def test_gpu_seconds_are_counted_by_what_the_runner_does() -> None:
    clock, metrics = Clock(), Metrics()
    accounting = Accounting(metrics, now=clock)
    clock.now += 10
    accounting.tick([holding(busy="7"), holding(busy=None, gpus=1), holding(busy=None, stage=Stage.SCHEDULING)])
    pool = {"namespace": "runners", "pool": "cuda", "resource": GPU}
    assert value(metrics, "gpu_seconds_total", **pool, state="busy") == 20
    assert value(metrics, "gpu_seconds_total", **pool, state="idle") == 10
    assert value(metrics, "gpus", **pool, state="busy") == 2
    clock.now += 5
    accounting.tick([])
    assert value(metrics, "gpus", **pool, state="busy") is None
    assert value(metrics, "gpu_seconds_total", **pool, state="busy") == 20


def test_time_in_which_nobody_looked_is_not_counted() -> None:
    clock, metrics = Clock(), Metrics()
    accounting = Accounting(metrics, now=clock)
    clock.now += 7 * 86_400
    accounting.tick([holding(busy=None, gpus=1)])
    labels = {"namespace": "runners", "pool": "cuda", "resource": GPU, "state": "idle"}
    assert value(metrics, "gpu_seconds_total", **labels) == LONGEST_TICK_SECONDS


def test_a_job_counts_with_its_wait_and_its_length_as_the_forge_has_them() -> None:
    clock, metrics = Clock(), Metrics()
    job, pod = read_job(Entry(JOB)), ended_pod("a", at=1001)
    Accounting(metrics, now=clock).ended(pod, outcome_of(pod, job), job)
    pool = {"namespace": "runners", "pool": "cuda"}
    assert value(metrics, "job_queue_seconds_sum", **pool) == 40
    assert value(metrics, "job_duration_seconds_sum", **pool, conclusion="success") == 3600
    assert value(metrics, "runner_failures_total", **pool, reason="Error") is None


@pytest.mark.parametrize(
    ("reason", "label"), [("OOMKilled", "OOMKilled"), ("Evicted", "Evicted"), ("a word of a pod's own", "Other")]
)
def test_a_runner_that_failed_counts_by_a_reason_of_few(reason: str, label: str) -> None:
    metrics, pod = Metrics(), ended_pod("a", at=1001)
    assert pod.ended is not None
    pod = replace(pod, ended=replace(pod.ended, reason=reason))
    Accounting(metrics, now=Clock()).ended(pod, outcome_of(pod, None), None)
    assert value(metrics, "runner_failures_total", namespace="runners", pool="cuda", reason=label) == 1


def test_a_job_without_a_conclusion_is_a_lost_job() -> None:
    metrics, pod = Metrics(), ended_pod("a", at=1001, busy="7")
    Accounting(metrics, now=Clock()).ended(pod, outcome_of(pod, None), None)
    assert value(metrics, "runner_failures_total", namespace="runners", pool="cuda", reason="JobLost") == 1


def test_what_ended_before_this_process_began_is_not_counted_again() -> None:
    metrics, pod = Metrics(), ended_pod("a", at=999)
    Accounting(metrics, now=Clock()).ended(pod, outcome_of(pod, None), None)
    assert "gpu_runners_runner_failures_total{" not in metrics.render().decode()


@pytest.mark.parametrize(
    "times",
    [
        {"started_at": None},
        {"started_at": "0001-01-01T00:00:00Z"},
        {"started_at": "1970-01-01T00:00:00Z"},
        {"started_at": "2026-11-26T19:00:00Z"},  # before it was made
        {"started_at": "9999-12-31T23:59:59Z"},
        {"started_at": 7},
        {"started_at": "soon"},
    ],
)
def test_times_that_make_no_sense_are_none(times: Mapping[str, Any]) -> None:
    assert read_job(Entry({**JOB, **times})).queued_seconds is None


@pytest.mark.parametrize(
    ("limits", "gpus"),
    [({GPU: "4"}, (GPU, 4)), ({"memory": "4", "cpu": "4"}, ("", 0)), ({GPU: "x"}, ("", 0)), ({GPU: "99999"}, ("", 0))],
)
def test_the_gpus_of_a_pod_are_what_its_runner_may_have(limits: dict[str, str], gpus: tuple[str, int]) -> None:
    document = runner_pod()
    document["spec"]["containers"] = [{"name": "runner", "resources": {"limits": limits}}]
    pod = read_document(document)
    assert (pod.gpu_resource, pod.gpus) == gpus


async def test_a_scrape_tells_the_jobs_of_each_pool(world: World) -> None:
    world.follow()
    await world.cluster.declare()
    world.gitea.job(1, status="queued")
    await until(lambda: world.service.declared.pools("runners"))

    async with world.http.get(f"{world.status_url}/metrics") as response:
        text = await response.text()
    assert 'gpu_runners_jobs{namespace="runners",pool="cuda",state="queued"} 1.0' in text
    assert 'gpu_runners_jobs{namespace="runners",pool="cuda",state="in_progress"} 0.0' in text


async def test_a_scrape_tells_no_jobs_while_the_forge_is_away_nor_those_of_before(world: World) -> None:
    world.follow()
    await world.cluster.declare()

    async def told() -> bool:
        async with world.http.get(f"{world.status_url}/metrics") as response:
            assert response.status == 200
            return "gpu_runners_jobs{" in await response.text()

    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await told():
            await asyncio.sleep(0.05)
        world.gitea.failing = 500
        while await told():
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("done", "had_job", "deleting", "reason"),
    [
        (True, True, False, None),
        (True, True, True, None),
        (False, True, False, "JobLost"),
        (False, True, True, "JobLost"),
        (False, False, False, "Error"),
        (False, False, True, None),  # somebody let an idle runner go
    ],
)
def test_a_runner_failed_that_lost_its_job_or_ended_by_itself_without_one(
    done: bool, had_job: bool, deleting: bool, reason: str | None
) -> None:
    metrics = Metrics()
    pod = replace(ended_pod("a", at=2000.0), deleting=deleting)
    Accounting(metrics, now=lambda: 1000.0).ended(pod, Outcome(done=done, had_job=had_job, text=""), None)
    pool = {"namespace": pod.namespace, "pool": pod.pool}
    for known in ("JobLost", "Error"):
        assert value(metrics, "runner_failures_total", **pool, reason=known) == (1 if known == reason else None)


def test_how_long_a_runner_took_to_come_online_is_counted_from_its_birth() -> None:
    metrics = Metrics()
    pod = holding(busy=None)
    Accounting(metrics, now=lambda: pod.created + 12.0).came_online(pod)
    Accounting(metrics, now=lambda: pod.created - 3.0).came_online(pod)  # another clock than the API server's
    pool = {"namespace": "runners", "pool": "cuda"}
    assert value(metrics, "startup_duration_seconds_sum", **pool) == 12.0
    assert value(metrics, "startup_duration_seconds_count", **pool) == 2


async def test_the_loop_counts_what_pods_hold(world: World) -> None:
    pod = runner_pod()
    limits = {"limits": {GPU: "2"}}
    pod["spec"]["containers"] = [{"name": contract.RUNNER_CONTAINER, "resources": limits}]
    await world.cluster.create(pod)
    world.run()
    labels = {"namespace": "runners", "pool": "cuda", "resource": GPU, "state": "idle"}
    await until(lambda: (value(world.metrics, "gpu_seconds_total", **labels) or 0) > 0)
    assert value(world.metrics, "gpus", **labels) == 2
