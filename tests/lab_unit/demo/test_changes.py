from dataclasses import replace

import pytest

from lab.demo import changes
from lab.demo.snapshot import Job, Pod, Snapshot

NEW_POD = Pod("cuda-1", "gpu-runners-dev", "cuda", "2026-01-31T12:00:00Z")
RUNNING_POD = replace(
    NEW_POD, phase="Running", node="lab", gpus=1, is_registered=True, is_online=True, job="7"
)  # fmt: skip


def sentences(before: Snapshot, after: Snapshot) -> list[str]:
    return [f"{source}: {text}" for source, text in changes.between(before, after)]


def test_a_pod_that_was_already_there_is_not_told_again() -> None:
    look = Snapshot(pods={"cuda-1": RUNNING_POD})
    assert sentences(look, look) == []


def test_steps_that_passed_between_two_looks_are_all_told_in_order() -> None:
    assert sentences(Snapshot(), Snapshot(pods={"cuda-1": RUNNING_POD})) == [
        "pod: cuda-1 created for pool cuda",
        "pod: cuda-1 scheduled on lab with 1 GPU",
        "pod: cuda-1 registered",
        "pod: cuda-1 online",
        "pod: cuda-1 took job 7",
    ]


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (NEW_POD, replace(NEW_POD, node="lab"), "pod: cuda-1 scheduled on lab"),
        (RUNNING_POD, replace(RUNNING_POD, phase="Succeeded"), "pod: cuda-1 ended: Succeeded"),
        (RUNNING_POD, replace(RUNNING_POD, is_leaving=True), "pod: cuda-1 is being deleted"),
    ],
)
def test_each_step_of_a_pod_has_its_sentence(before: Pod, after: Pod, text: str) -> None:
    assert sentences(Snapshot(pods={"cuda-1": before}), Snapshot(pods={"cuda-1": after})) == [text]


def test_a_pod_that_vanished_is_told() -> None:
    assert sentences(Snapshot(pods={"cuda-1": NEW_POD}), Snapshot()) == ["pod: cuda-1 is gone"]


def test_a_job_that_started_and_ended_between_two_looks_is_told_twice() -> None:
    after = Snapshot(jobs={"train": Job(3, "train", "completed", "success", "cuda-1")})
    assert sentences(Snapshot(), after) == ["train: job started on cuda-1", "train: job ended: success"]


def test_a_skipped_job_never_started() -> None:
    after = Snapshot(jobs={"train": Job(3, "train", "completed", "skipped")})
    assert sentences(Snapshot(), after) == ["train: job ended: skipped"]


def test_the_end_of_the_run_is_told_once() -> None:
    running, done = Snapshot("in_progress"), Snapshot("completed", "success")
    assert sentences(running, done) == ["run: ended: success"]
    assert sentences(done, done) == []


def test_a_run_is_not_over_while_one_of_its_jobs_is_still_to_come() -> None:
    jobs = {"deploy": Job(1, "deploy", "completed", "failure"), "release": Job(3, "release", "waiting")}
    assert not Snapshot("completed", "failure", jobs).is_done
