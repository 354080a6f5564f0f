"""Silent jobs while everything around them is changed, deleted, killed: the forge gets each result.

Each lasts until all of that has happened, and forty seconds at least: a pod is given thirty to end, where nobody says
otherwise. All at once, as it would be on a bad day, and as it saves four minutes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from lab import control_plane, daemon
from lab.trial.deadline import until
from lab.trial.kubernetes import KubernetesApi
from lab.trial.ledger import Ledger, hold, say
from lab.trial.pods import Pods, RunnerPod
from lab.trial.pools import SYSTEM_NAMESPACE, gpus, pool, pools_config
from lab.trial.repository import Repository
from lab.trial.stack import Outcome, Stack
from lab.trial.workflow import Job, push, several_jobs
from tests.lab.gpu_holders import until_gpus_are_free
from values import contract

SILENT_SECONDS = 40
# The three GPUs of `updated` leave none for its successor beside it.
POOLS = {
    "deleted": pool("deleted"),
    "updated": pool("updated", gpu=gpus(3)),
    "scaled": pool("scaled", replicas=2),
    "released": pool("released"),
    "bystander": pool("bystander"),
}

MakeStack = Callable[[str, Mapping[str, Any]], Stack]


@dataclass
class Story:
    """What was there before, what was done, and how it ended."""

    before: dict[str, list[RunnerPod]]
    busy: dict[str, RunnerPod] = field(default_factory=dict)
    up: Outcome | None = None
    after_up: dict[str, list[RunnerPod]] = field(default_factory=dict)
    after_registrar_killed: dict[str, RunnerPod | None] = field(default_factory=dict)
    after_api_server_restarted: dict[str, RunnerPod | None] = field(default_factory=dict)
    ended_early: set[str] = field(default_factory=set)
    jobs: dict[str, Job] = field(default_factory=dict)
    survivors: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def story(make_stack: MakeStack, repository: Repository, pods: Pods, api: KubernetesApi, ledger: Ledger) -> Story:
    until_gpus_are_free(api)
    stack = make_stack("tests-disrupted", pools_config(*POOLS.values()))
    stack.up().succeeded()
    told = Story({name: pods.until_ready(name, fields["replicas"]) for name, fields in POOLS.items()})
    script = "{begin}\nsleep {seconds}\n{hold}\n{end}"
    run = push(
        repository,
        several_jobs(
            {
                name: (
                    name,
                    script.format(
                        begin=say("silent", f"{name} begins $HOSTNAME"),
                        seconds=SILENT_SECONDS,
                        hold=hold(),
                        end=say("silent", f"{name} ends $HOSTNAME"),
                    ),
                )
                for name in POOLS
            }
        ),
    )
    began = ledger.until("silent", lambda entries: len(entries) == len(POOLS), 30)
    hosts = {entry.words[0]: entry.words[2] for entry in began}
    told.busy = {name: latched(pods, name, host) for name, host in hosts.items()}

    pods.delete(hosts["deleted"])
    stack.configure(pools_config(*changed_pools()))
    told.up = stack.up()
    told.after_up = {name: pods.of(name) for name in POOLS}

    kill_registrar(api)
    told.after_registrar_killed = {name: pods.find(host) for name, host in hosts.items()}
    restart_api_server()
    told.after_api_server_restarted = {name: pods.find(host) for name, host in hosts.items()}
    told.ended_early = ended(ledger)
    ledger.release()

    told.jobs = run.until_done(SILENT_SECONDS + 60)
    told.survivors = ended(ledger)
    return told


def ended(ledger: Ledger) -> set[str]:
    """The jobs that have said their last word."""
    return {entry.words[0] for entry in ledger.about("silent") if entry.words[1] == "ends"}


def changed_pools() -> list[dict[str, Any]]:
    """The pools after the change: another memory size (hence template), one replica less, none at all."""
    changes: dict[str, dict[str, Any]] = {
        "updated": {"memory": "320Mi"},
        "scaled": {"replicas": 1},
        "released": {"replicas": 0},
    }
    return [{**fields, **changes.get(name, {})} for name, fields in POOLS.items()]


def latched(pods: Pods, pool_name: str, host: str) -> RunnerPod:
    """The pod whose job has begun, as soon as the registrar has noted that."""

    def found() -> RunnerPod | None:
        pod = pods.find(host)
        return pod if pod and pod.job else None

    return until(f"the busy latch of {pool_name} is set", found, 10, seen=lambda: pods.find(host))


def kill_registrar(api: KubernetesApi) -> None:
    """Ends the registrar's pod without a chance to say goodbye; returns when its successor serves."""
    path = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/pods"
    (old,) = [item["metadata"] for item in api.items(path)]
    api.delete(f"{path}/{old['name']}", gracePeriodSeconds=0)

    def successor_serves() -> bool:
        return any(
            item["metadata"]["uid"] != old["uid"]
            and any(c["type"] == "Ready" and c["status"] == "True" for c in item["status"].get("conditions", ()))
            for item in api.items(path)
        )

    until("the killed registrar's successor serves", successor_serves, 30)


def restart_api_server() -> None:
    """Stops the cluster's API server and starts it again; returns when it is ready."""
    assert daemon.stop("kube-apiserver")
    control_plane.api_server(control_plane.authority()).start()


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("deleted", "the deletion of its pod"),
        ("updated", "a rolling update"),
        ("scaled", "a scale-down of its pool"),
        ("released", "the end of its pool"),
        ("bystander", "a killed registrar and a restarted API server"),
    ],
)
def test_a_silent_job_survives(story: Story, name: str, event: str) -> None:
    assert story.jobs[name].conclusion == "success", event
    assert story.jobs[name].runner == story.busy[name].name
    assert name in story.survivors


def test_everything_happened_while_the_jobs_were_running(story: Story) -> None:
    assert story.ended_early == set()


def test_busy_runners_are_the_last_to_be_scaled_away(story: Story) -> None:
    assert all(pod.deletion_cost > 0 for pod in story.busy.values())
    by_name = {pod.name: pod for pod in story.after_up["scaled"]}
    assert not by_name[story.busy["scaled"].name].leaving, "the idle runner had to go, not this one"
    assert all(pod.leaving for pod in by_name.values() if pod.name != story.busy["scaled"].name)


def test_up_does_not_wait_for_the_gpus_of_a_busy_runner(story: Story) -> None:
    assert story.up is not None
    assert story.up.code == 0, story.up.output
    former = story.busy["updated"]
    (successor,) = [pod for pod in story.after_up["updated"] if pod.name != former.name]
    assert not successor.online, "it has GPUs that its predecessor still holds"
    assert "finishing a job" in story.up.output


def test_the_busy_latch_outlives_the_registrar(story: Story) -> None:
    latches = {name: pod.job for name, pod in story.busy.items()}
    assert {name: pod.job if pod else None for name, pod in story.after_registrar_killed.items()} == latches


def test_a_restart_of_the_api_server_removes_no_busy_runner(story: Story) -> None:
    there = {name for name, pod in story.after_api_server_restarted.items() if pod and pod.phase == "Running"}
    assert there == set(POOLS)


def test_the_pools_are_as_declared_when_the_jobs_are_done(story: Story, pods: Pods) -> None:
    wanted = {fields["name"]: fields["replicas"] for fields in changed_pools()}
    for name, replicas in wanted.items():
        pods.until_ready(name, replicas, 40)


def test_the_latch_says_which_job_it_is(story: Story) -> None:
    assert {name: str(story.jobs[name].id) for name in POOLS} == {name: pod.job for name, pod in story.busy.items()}
    assert contract.BUSY_WITH_UNKNOWN_JOB not in {pod.job for pod in story.busy.values()}
