"""GPUs are granted one by one: four on the real node, and nobody gets one twice."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from lab import node
from lab.trial.kubernetes import KubernetesApi
from lab.trial.ledger import Ledger, say
from lab.trial.pods import Pods, RunnerPod
from lab.trial.pools import gpus, pool, pools_config
from lab.trial.repository import Repository
from lab.trial.stack import Outcome, Stack
from lab.trial.workflow import push, several_jobs
from tests.lab.gpu_holders import until_gpus_are_free

LABEL = "one-gpu"
DEADLINE_SECONDS = 15

MakeStack = Callable[[str, Mapping[str, Any]], Stack]


@pytest.fixture(scope="module")
def outcome(make_stack: MakeStack, platform: Stack, api: KubernetesApi) -> Outcome:
    """How `up` of one runner too many went."""
    until_gpus_are_free(api)
    config = pools_config(pool(LABEL, replicas=node.GPUS + 1, gpu=gpus(1)), online_deadline_seconds=DEADLINE_SECONDS)
    return make_stack("tests-gpus", config).up()


def waiting(pods: Pods) -> list[RunnerPod]:
    return [pod for pod in pods.of(LABEL) if not pod.node]


def test_a_fifth_runner_on_four_gpus_stays_pending(outcome: Outcome, pods: Pods) -> None:
    assert len([pod for pod in pods.of(LABEL) if pod.ready]) == node.GPUS
    (fifth,) = waiting(pods)
    assert fifth.phase == "Pending"
    assert any("Insufficient nvidia.com/gpu" in message for _, message in pods.events(fifth.name))


def test_up_names_the_missing_gpu_at_its_deadline(outcome: Outcome) -> None:
    assert outcome.code != 0
    assert f"{LABEL}: {node.GPUS} of {node.GPUS + 1} online" in outcome.output
    assert "Insufficient nvidia.com/gpu" in outcome.output
    assert outcome.seconds < DEADLINE_SECONDS + 15


def test_jobs_at_the_same_time_see_gpus_of_their_own(
    outcome: Outcome, pods: Pods, repository: Repository, ledger: Ledger
) -> None:
    script = f"""
    {say("gpu", "$HOSTNAME $NVIDIA_VISIBLE_DEVICES")}
    echo "GPUs granted to this job: $NVIDIA_VISIBLE_DEVICES"
    sleep 4
    """
    run = push(repository, several_jobs({f"job-{n}": (LABEL, script) for n in range(node.GPUS)}))
    jobs = run.until_done(60)
    assert {job.conclusion for job in jobs.values()} == {"success"}
    said = ledger.about("gpu")
    overlap = max(entry.at for entry in said) - min(entry.at for entry in said)
    assert overlap < 4, "they did not run at the same time, so their GPUs may be the same"
    granted = [device for entry in said for device in entry.words[1].split(",")]
    assert len(granted) == len(set(granted)) == node.GPUS
    assert "GPUs granted to this job: " in run.log("job-0")
