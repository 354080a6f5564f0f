"""What has happened to a pod is read from its status."""

from bench.witness import CREATED, ENDED, INITIALIZED, ONLINE, REGISTERED, RUNNING, SANDBOX, SCHEDULED, pod_events
from values.contract import ONLINE_GATE, RUNNER_ID_ANNOTATION


def pod(*conditions: str, annotations: dict[str, str] | None = None, **status: object) -> dict[str, object]:
    listed = [{"type": kind, "status": "True"} for kind in conditions] + [{"type": "Ready", "status": "False"}]
    return {"metadata": {"annotations": annotations or {}}, "status": {"conditions": listed, **status}}


def test_a_new_pod_is_created_and_no_more() -> None:
    assert list(pod_events(pod())) == [CREATED]
    assert list(pod_events({"metadata": {}})) == [CREATED]


def test_a_runner_that_waits_for_a_job_has_everything_behind_it() -> None:
    document = pod(
        "PodScheduled", "PodReadyToStartContainers", "Initialized", ONLINE_GATE,
        annotations={RUNNER_ID_ANNOTATION: "7"}, containerStatuses=[{"state": {"running": {}}}], phase="Running",
    )  # fmt: skip
    assert set(pod_events(document)) == {CREATED, SCHEDULED, SANDBOX, INITIALIZED, REGISTERED, RUNNING, ONLINE}


def test_a_condition_that_is_false_has_not_happened() -> None:
    document = {"metadata": {}, "status": {"conditions": [{"type": ONLINE_GATE, "status": "False"}]}}
    assert ONLINE not in set(pod_events(document))


def test_a_pod_that_ended_is_seen_whatever_its_end() -> None:
    assert ENDED in set(pod_events(pod(phase="Succeeded")))
    assert ENDED in set(pod_events(pod(phase="Failed")))


def test_a_runner_has_ended_before_its_pod_is_taken_apart() -> None:
    assert ENDED in set(pod_events(pod(containerStatuses=[{"state": {"terminated": {}}}], phase="Running")))
