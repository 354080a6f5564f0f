from typing import Any

from lab.demo import snapshot

POD: dict[str, Any] = {
    "metadata": {
        "name": "cuda-1",
        "namespace": "gpu-runners-dev",
        "labels": {"gpu-runners.dev/pool": "cuda"},
        "creationTimestamp": "2026-01-31T12:00:00Z",
        "annotations": {"gpu-runners.dev/runner-id": "5", "gpu-runners.dev/busy": "17"},
    },
    "spec": {"nodeName": "lab", "containers": [{"resources": {"limits": {"nvidia.com/gpu": "2", "memory": "1Gi"}}}]},
    "status": {"phase": "Running", "conditions": [{"type": "gpu-runners.dev/online", "status": "True"}]},
}


def test_a_pod_is_read_with_what_the_registrar_wrote_on_it() -> None:
    assert snapshot.pod(POD) == snapshot.Pod(
        "cuda-1", "gpu-runners-dev", "cuda", "2026-01-31T12:00:00Z", phase="Running", node="lab", gpus=2,
        is_registered=True, is_online=True, job="17",
    )  # fmt: skip


def test_a_pod_that_was_just_made_has_taken_no_step() -> None:
    bare = {"metadata": {**POD["metadata"], "annotations": {}}, "spec": {"containers": [{}]}}
    assert snapshot.pod(bare) == snapshot.Pod("cuda-1", "gpu-runners-dev", "cuda", "2026-01-31T12:00:00Z")


def test_a_condition_that_is_not_true_is_not_online() -> None:
    status = {"phase": "Running", "conditions": [{"type": "gpu-runners.dev/online", "status": "False"}]}
    assert not snapshot.pod({**POD, "status": status}).is_online


def test_a_waiting_job_has_neither_runner_nor_conclusion() -> None:
    assert snapshot.job({"id": 3, "name": "train", "status": "waiting"}) == snapshot.Job(3, "train", "waiting")
