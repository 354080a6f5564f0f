"""What the demo of a pool that follows the queue claims is checked, not told."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from lab.demo.job_log import Evidence
from lab.demo.scaling_verdict import Facts, problems, proof
from lab.demo.snapshot import Job, Pod

BEGAN = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC).timestamp()
NAMES = ("train", "train-2")
JOBS = {name: Job(n, name, "completed", "success", f"cuda-{n}") for n, name in enumerate(NAMES)}
PODS = {f"cuda-{n}": Pod(f"cuda-{n}", "dev", "cuda", "2026-01-31T12:00:05Z", gpus=1) for n in range(2)}
EVIDENCE = Evidence("sim-2", ("train",), 12, (("model.json", "48"),))
GOOD = Facts(
    began=BEGAN, wanted=2, before=(), jobs=JOBS, pods=PODS, most=2, pool="cuda",
    evidence=dict.fromkeys(NAMES, EVIDENCE), stored={"model.json": True}, left=(),
)  # fmt: skip


def with_job(**changes: Any) -> Facts:
    return replace(GOOD, jobs={**JOBS, "train": replace(JOBS["train"], **changes)})


def test_a_run_that_proves_everything_has_no_problems_and_says_so() -> None:
    assert problems(GOOD) == []
    assert "from 0 to 2 runners and back to 0 for 2 jobs" in proof(GOOD)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (replace(GOOD, before=("cuda-9",)), "was not at zero before the push: cuda-9"),
        (replace(GOOD, most=1), "had 1 pods at the same time, not 2"),
        (replace(GOOD, left=("cuda-1",)), "is not at zero again: cuda-1 still there"),
        (replace(GOOD, jobs={"train": JOBS["train"]}), "the run had 1 jobs, not 2"),
        (with_job(runner="cuda-1"), "two jobs ran on one runner"),
        (with_job(conclusion="failure"), "job train ended as failure"),
        (with_job(runner="stranger"), "ran on stranger, which is no pod of pool cuda"),
        (replace(GOOD, began=BEGAN + 60), "created before the push"),
        (replace(GOOD, evidence={"train": replace(EVIDENCE, gpus="void")}), "job train saw no GPU"),
        (replace(GOOD, evidence={"train": replace(EVIDENCE, steps_of_training=0)}), "job train did not train"),
        (replace(GOOD, stored={}), "no job printed a dvc.lock"),
        (replace(GOOD, stored={"model.json": False}), "model.json is not in the DVC remote"),
    ],
)
def test_each_claim_that_does_not_hold_is_a_sentence(facts: Facts, words: str) -> None:
    assert any(words in problem for problem in problems(facts)), problems(facts)
