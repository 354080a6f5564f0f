from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from lab.demo import verdict
from lab.demo.job_log import Evidence
from lab.demo.snapshot import Job, Pod

BEGAN = datetime(2026, 1, 31, 12, 0, 0, 700_000, tzinfo=UTC).timestamp()
POD = Pod("cuda-1", "gpu-runners-dev", "cuda", "2026-01-31T12:00:05Z", phase="Succeeded", node="lab", gpus=1)
JOBS = {
    "deploy": Job(1, "deploy", "completed", "success", "base-1"),
    "train": Job(2, "train", "completed", "success", "cuda-1"),
    "release": Job(3, "release", "completed", "success", "base-2"),
}
EVIDENCE = Evidence("sim-2", ("prepare", "train", "evaluate"), 12, (("model.json", "48"),))
GOOD = verdict.Facts(BEGAN, JOBS, {"cuda-1": POD}, "cuda", EVIDENCE, {"model.json": True})


def with_job(name: str, **changes: Any) -> verdict.Facts:
    return replace(GOOD, jobs={**JOBS, name: replace(JOBS[name], **changes)})


def with_pod(**changes: Any) -> verdict.Facts:
    return replace(GOOD, pods={"cuda-1": replace(POD, **changes)})


def with_evidence(**changes: Any) -> verdict.Facts:
    return replace(GOOD, evidence=replace(EVIDENCE, **changes))


def test_a_run_that_proves_everything_has_no_problems() -> None:
    assert verdict.problems(GOOD) == []


def test_a_pod_made_within_the_second_of_the_push_counts_as_made_by_it() -> None:
    assert verdict.problems(with_pod(created="2026-01-31T12:00:00Z")) == []


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (with_job("deploy", conclusion="failure"), "job deploy ended as failure"),
        (replace(GOOD, access="by the kubeconfig in the secret"), "not 'this runner's own'"),
        (with_job("release", status="in_progress", conclusion=""), "job release ended as in_progress"),
        (replace(GOOD, jobs={name: JOBS[name] for name in ("deploy", "train")}), "job release was never created"),
        (with_job("train", runner="stranger"), "ran on stranger, which is no runner pod"),
        (with_pod(created="2026-01-31T11:59:59Z"), "created before the push"),
        (replace(with_pod(created="2026-01-31T11:59:59Z"), trigger="dispatch"), "created before the dispatch"),
        (with_pod(pool="base"), "of pool base, not of pool cuda"),
        (with_pod(gpus=0), "cuda-1 asked for no GPU"),
        (with_evidence(gpus="void"), "saw no GPU"),
        (with_evidence(gpus=""), "saw no GPU"),
        (with_evidence(stages=("evaluate",)), "did not train"),
        (with_evidence(steps_of_training=0), "did not train"),
        (with_evidence(outputs=()), "printed no dvc.lock"),
        (replace(GOOD, stored={"model.json": False}), "model.json is not in the DVC remote"),
        (replace(GOOD, left=("cuda-2",)), "the pool cuda was not released: cuda-2"),
    ],
)
def test_every_broken_claim_is_named(facts: verdict.Facts, words: str) -> None:
    (problem,) = verdict.problems(facts)
    assert words in problem
