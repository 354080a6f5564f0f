"""Pools that cannot come online: each `up` fails soon, says why, and harms nothing else. All at the same time."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from lab.trial.deadline import until
from lab.trial.kubernetes import Births, KubernetesApi
from lab.trial.pods import Pods, RunnerPod
from lab.trial.pools import gpus, pool, pools_config
from lab.trial.stack import Outcome, Stack
from values import contract

DEADLINE_SECONDS = 60
MINUTE = 60.0
HANDFUL = 6
LEAVE_SECONDS = 8.0  # of the 300 that a job would be given
POOLS = {
    "fits-no-node": pool("fits-no-node", gpu=gpus(1, product="NVIDIA-NOT-HERE")),
    "above-a-node": pool("above-a-node", gpu=gpus(5)),
    "over-quota": pool("over-quota", ephemeralStorage="1950Gi"),
    "no-image": pool("no-image", image="lab.local/not-there:lab"),
    # No shell: the runner's container cannot even be started.
    "dies-at-once": pool("dies-at-once", image="lab.local/pause:lab"),
}

MakeStack = Callable[[str, Mapping[str, Any]], Stack]


@dataclass(frozen=True)
class Attempt:
    """A stack, and how its `up`, the preview after it and the same `up` once more went."""

    stack: Stack
    up: Outcome
    preview: Outcome
    again: Outcome


@dataclass(frozen=True)
class Attempts:
    """All attempts, the healthy runners before them, and the births of the dying pool's pods."""

    by_pool: dict[str, Attempt]
    healthy: list[RunnerPod]
    births: Births


@pytest.fixture(scope="module")
def attempts(make_stack: MakeStack, workers: str, pods: Pods, api: KubernetesApi) -> Iterator[Attempts]:
    healthy = pods.until_ready(workers, 2)
    stacks = {
        name: make_stack(f"tests-{name}", pools_config(fields, online_deadline_seconds=DEADLINE_SECONDS))
        for name, fields in POOLS.items()
    }
    with Births(api, pods.path, f"{contract.POOL_LABEL}=dies-at-once") as born:
        with ThreadPoolExecutor(len(stacks)) as at_once:
            by_pool = dict(zip(stacks, at_once.map(attempt, stacks.values()), strict=True))
        yield Attempts(by_pool, healthy, born)


def attempt(stack: Stack) -> Attempt:
    return Attempt(stack, stack.up(), stack.preview(), stack.up())


@pytest.mark.parametrize(
    ("name", "reason", "cure"),
    [
        ("fits-no-node", "fits no node: 0/", "gpu.nodeSelector"),
        ("above-a-node", "fits no node: 0/", "ask for no more nvidia.com/gpu than one node has"),
        ("over-quota", "exceeded quota", "lower replicas (or `autoscaling.max`) or gpu.count"),
        ("no-image", "lab.local/not-there:lab", "correct `image` of the pool"),
        ("dies-at-once", "its runner ended with exit code", "use an image with a shell, /bin/sh"),
    ],
)
def test_up_fails_within_its_deadline_and_says_why(attempts: Attempts, name: str, reason: str, cure: str) -> None:
    outcome = attempts.by_pool[name].up
    assert outcome.code != 0
    assert outcome.seconds < DEADLINE_SECONDS, outcome.output
    assert reason in outcome.output
    assert cure in outcome.output
    assert "Traceback" not in outcome.output


@pytest.mark.parametrize("name", POOLS)
def test_a_failed_wait_is_owed_and_nothing_else_is(attempts: Attempts, name: str) -> None:
    preview = attempts.by_pool[name].preview
    assert preview.code != 0
    assert "    + 1 to create\n    4 unchanged" in preview.output, preview.output
    assert f"pools-{attempts.by_pool[name].stack.name}" in preview.output


@pytest.mark.parametrize("name", POOLS)
def test_the_same_up_once_more_waits_again_and_fails_again(attempts: Attempts, name: str) -> None:
    again = attempts.by_pool[name].again
    assert again.code != 0
    assert "the runners will not come online as things are" in again.output, again.output


def test_bad_pools_do_not_touch_good_ones(attempts: Attempts, workers: str, pods: Pods) -> None:
    assert [pod.uid for pod in pods.until_ready(workers, 2)] == [pod.uid for pod in attempts.healthy]


def test_runners_that_die_at_once_are_slowed_down(attempts: Attempts) -> None:
    born = until("a minute has passed since the first of them", lambda: attempts.births.within(MINUTE), MINUTE + 5)
    assert 1 < len(born) <= HANDFUL


def test_the_braked_pool_says_why_it_waits(attempts: Attempts, pods: Pods) -> None:
    told = [event for pod in pods.of("dies-at-once") for event in pods.events(pod.name)]
    braked = [message for reason, message in told if reason == contract.REGISTRATION_BRAKED]
    assert braked
    assert all("without a job" in message or "exit" in message for message in braked)


def test_a_runner_that_waits_for_its_registration_leaves_within_seconds_when_deleted(
    attempts: Attempts, pods: Pods
) -> None:
    pods.until("one waits for its registration", "dies-at-once", waiting, 60)
    pod = waiting(pods.of("dies-at-once"))[0]
    pods.delete(pod.name)
    until("the deleted pod is gone", lambda: pods.find(pod.name) is None, LEAVE_SECONDS)


def waiting(pods: list[RunnerPod]) -> list[RunnerPod]:
    """Those that ask the registrar for a registration and are told to come again."""
    return [
        pod
        for pod in pods
        if not pod.leaving
        and any("running" in status["state"] for status in pod.document["status"].get("initContainerStatuses", ()))
    ]
