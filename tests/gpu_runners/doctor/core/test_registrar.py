"""Why a registrar that does not answer is down, read off its pods."""

from typing import Any

import pytest

from gpu_runners.doctor.core.findings import State
from gpu_runners.doctor.core.registrar import of_silence


def pod(name: str = "registrar-1", *, leaving: bool = False, **status: Any) -> dict[str, Any]:
    metadata = {"name": name} | ({"deletionTimestamp": "now"} if leaving else {})
    return {"metadata": metadata, "status": status}


UNSCHEDULED = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"conditions": [UNSCHEDULED]}, "registrar-1 has no node: 0/3 nodes are available"),
        ({"conditions": [{**UNSCHEDULED, "message": ""}]}, "registrar-1 has no node"),
        (
            {"containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}]},
            "registrar-1: ErrImagePull not found",
        ),
        (
            {
                "containerStatuses": [
                    {
                        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                        "lastState": {"terminated": {"exitCode": 3}},
                    }
                ]
            },
            "registrar-1: CrashLoopBackOff, it ended with 3",
        ),
        (
            {"initContainerStatuses": [{"state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]},
            "registrar-1: ended with 137 OOMKilled",
        ),
    ],
)
def test_what_keeps_its_pod_from_running_is_told_in_the_pods_own_words(status: dict[str, Any], said: str) -> None:
    finding = of_silence("system", "no endpoints", [pod(**status), pod("old", leaving=True, **status)])
    assert finding.state is State.FAILED
    assert finding.found == f"it is down: {said}"
    assert finding.cure == (
        "`kubectl --namespace system describe pods` and `kubectl --namespace system logs deployment/registrar`"
    )


@pytest.mark.parametrize(
    "condition", [{**UNSCHEDULED, "status": "True"}, {**UNSCHEDULED, "type": "Ready"}, {"type": "Initialized"}]
)
def test_a_pod_that_runs_and_does_not_answer_is_told_as_such(condition: dict[str, Any]) -> None:
    finding = of_silence("system", "timed out", [pod(conditions=[condition])])
    assert finding.found == "its pod runs and does not answer the API server: timed out"
    assert "port 8444" in finding.cure


def test_where_all_its_pods_leave_there_is_none() -> None:
    finding = of_silence("system", "no endpoints", [pod(leaving=True)])
    assert finding.found == "it is down: there is no pod of it"
    assert "`kubectl --namespace system describe replicasets`" in finding.cure
