"""Idle runners leave at once, and no job is lost while they do."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from lab.trial.deadline import until
from lab.trial.ledger import Ledger, say
from lab.trial.pods import Pods
from lab.trial.pools import pool, pools_config
from lab.trial.repository import Repository
from lab.trial.stack import Stack
from lab.trial.workflow import Run, one_job, push
from values import contract

REPLICAS = 3
LEAVE_SECONDS = 8.0
PUSHES = 8
# Around the moment at which the forge gives the job to a runner: it asks once a second.
OFFSETS = (0.0, 0.3, 0.6, 0.9, 1.2, 1.5, 1.8, 2.1)

MakeStack = Callable[[str, Mapping[str, Any]], Stack]


@pytest.fixture(scope="module")
def idlers(make_stack: MakeStack, platform: Stack) -> str:
    make_stack("tests-idlers", pools_config(pool("idlers", replicas=REPLICAS))).up().succeeded()
    return "idlers"


def test_a_deleted_idle_runner_leaves_within_seconds(idlers: str, pods: Pods, repository: Repository) -> None:
    victim, *others = pods.until_ready(idlers, REPLICAS)
    pods.delete(victim.name)
    until("the deleted idle runner is gone", lambda: pods.find(victim.name) is None, LEAVE_SECONDS)
    until("its registration is gone", lambda: victim.name not in {r.name for r in repository.runners()}, 2)
    told = {reason for reason, _ in pods.events(victim.name)}
    assert {contract.RUNNER_CORDONED, contract.REGISTRATION_REMOVED} <= told
    names = {pod.name for pod in pods.until_ready(idlers, REPLICAS)}
    assert names >= {pod.name for pod in others}


def test_no_job_is_lost_when_pods_are_deleted_while_jobs_arrive(
    idlers: str, pods: Pods, repository: Repository, ledger: Ledger
) -> None:
    pods.until_ready(idlers, REPLICAS)
    chance = random.Random(3)  # noqa: S311 - which pod goes first is no secret
    runs: list[Run] = []
    for number in range(PUSHES):
        alive = [pod for pod in pods.of(idlers) if pod.online and not pod.leaving]
        timers = [
            threading.Timer(OFFSETS[(number + index) % len(OFFSETS)], pods.delete, (pod.name,))
            for index, pod in enumerate(chance.sample(alive, min(2, len(alive))))
        ]
        for timer in timers:
            timer.start()
        runs.append(push(repository, one_job(idlers, f"{say('arriving', f'{number} $HOSTNAME')}; sleep 1")))
        for timer in timers:
            timer.join()
    deadline = time.monotonic() + 90
    conclusions = [run.until_done(max(1, deadline - time.monotonic()))["job"].conclusion for run in runs]
    assert conclusions == ["success"] * PUSHES
    assert Counter(entry.words[0] for entry in ledger.about("arriving")) == {str(n): 1 for n in range(PUSHES)}
