"""Which jobs count as lost, and what is said of them."""

from dataclasses import replace

import pytest

from registrar.forges.forge import Job
from registrar.losses import (
    ENDED_BY_NODE,
    REASONS,
    SKEW_SECONDS,
    STOPPED_SECONDS,
    loss_of,
    loss_of_departed,
    silence_of,
)
from registrar.outcomes import outcome_of
from registrar.pods import RunnerPod
from tests.registrar.test_brake import ended_pod

JOB = Job(
    id="7", name="train", labels=frozenset(), runner_id=1, runner_name="a", in_progress=True, conclusion="", attempt=1
)


def a_pod(*, exit_code: int | None = 137, reason: str = "Error", message: str = "") -> RunnerPod:
    pod = ended_pod("a", at=1000.0, busy="7")
    assert pod.ended is not None
    ended = replace(pod.ended, exit_code=exit_code, reason=reason, message=message)
    return replace(pod, name="a", runner_id=1, ended=ended)


def concluded(conclusion: str, *, after: float) -> Job:
    return replace(JOB, in_progress=False, conclusion=conclusion, completed=1000.0 + after)


def test_a_job_that_goes_on_without_its_runner_is_lost() -> None:
    assert loss_of(a_pod(), JOB) is not None


@pytest.mark.parametrize("conclusion", ["failure", "cancelled", "timed_out"])
def test_a_job_that_is_concluded_long_after_its_runner_ended_was_concluded_by_the_forge(conclusion: str) -> None:
    assert loss_of(a_pod(), concluded(conclusion, after=SKEW_SECONDS + 1)) is not None


@pytest.mark.parametrize("after", [-3600.0, -1.0, 0.0, SKEW_SECONDS])
def test_a_job_that_failed_before_its_runner_ended_failed_by_itself(after: float) -> None:
    assert loss_of(a_pod(), concluded("failure", after=after)) is None


def test_a_failure_of_which_nobody_knows_when_it_was_counts_as_the_jobs_own() -> None:
    assert loss_of(a_pod(), replace(concluded("failure", after=0), completed=None)) is None


@pytest.mark.parametrize("conclusion", ["success", "skipped", "neutral"])
def test_a_good_end_is_never_a_loss_however_late_it_comes(conclusion: str) -> None:
    assert loss_of(a_pod(), concluded(conclusion, after=1000)) is None


@pytest.mark.parametrize(
    "job", [None, replace(JOB, runner_id=2), replace(JOB, runner_name="b"), replace(JOB, runner_name="")]
)
def test_a_pod_that_claims_anothers_job_has_lost_nothing(job: Job | None) -> None:
    assert loss_of(a_pod(), job) is None


def test_a_runner_that_has_not_ended_has_lost_nothing() -> None:
    assert loss_of(replace(a_pod(), ended=None), JOB) is None


@pytest.mark.parametrize(
    ("exit_code", "reason", "words"),
    [
        (137, "OOMKilled", "used more memory than its pool gives it"),
        (137, "Error", "was killed (exit code 137)"),
        (2, "Error", "broke down (exit code 2)"),
        (0, "Completed", "the forge does not answer for too long"),
        (None, "Evicted", "its node evicted it"),
        (None, "", "its pod failed"),
    ],
)
def test_people_are_told_how_the_runner_ended(exit_code: int | None, reason: str, words: str) -> None:
    loss = loss_of(a_pod(exit_code=exit_code, reason=reason), JOB)
    assert loss is not None
    assert words in loss.why


@pytest.mark.parametrize("reason", ["@everyone <img src=x>", "[x](https://evil.example)"])
def test_nothing_that_a_pod_or_a_job_wrote_goes_to_the_forge(reason: str) -> None:
    pod = a_pod(exit_code=2, reason=reason, message="<!-- --> ![x](https://evil.example) @everyone")
    job = replace(JOB, name="<script>")
    loss = loss_of(pod, job)
    assert loss is not None
    assert loss.why == "The runner a ended before it could report the result: it broke down (exit code 2)."
    assert silence_of(job, "a", "runners").why == (
        "The runner a was not heard of any more: its pod, its node or its network is gone."
    )


def test_an_outcome_tells_the_loss_with_and_without_a_conclusion() -> None:
    assert outcome_of(a_pod(), JOB).loss is not None
    assert outcome_of(a_pod(), concluded("failure", after=600)).loss is not None
    assert outcome_of(a_pod(), concluded("failure", after=-1)).loss is None
    assert outcome_of(a_pod(), None).loss is None


def test_a_silent_runners_job_is_lost_in_the_environment_that_it_ran_in() -> None:
    loss = silence_of(JOB, "a", "runners")
    assert (loss.job_id, loss.runner_id, loss.runner_name, loss.namespace) == ("7", 1, "a", "runners")
    assert not loss.is_certain


def cancelled(*, at: float) -> Job:
    return replace(JOB, in_progress=False, conclusion="cancelled", completed=at)


CUT_SHORT = "The runner a was ended before its job was over: {}. It reported the job as cancelled."


@pytest.mark.parametrize("reason", sorted(ENDED_BY_NODE))
def test_a_job_that_its_runner_cancelled_as_its_node_ended_the_pod_is_lost(reason: str) -> None:
    loss = loss_of(a_pod(exit_code=0, reason=reason), cancelled(at=1000.0))
    assert loss is not None
    assert loss.why == CUT_SHORT.format(REASONS[reason])


def test_a_job_that_was_cancelled_when_the_time_of_its_deleted_pod_was_over_is_lost() -> None:
    pod = replace(a_pod(exit_code=0, reason="Completed"), deleting=True, killed_at=999.0)
    loss = loss_of(pod, cancelled(at=1000.0))
    assert loss is not None
    assert loss.why == CUT_SHORT.format("its pod was deleted, and did not get the time that the job needed")


@pytest.mark.parametrize(
    ("killed_at", "completed"),
    [(None, 999.0), (2000.0, 999.0), (1010.0, 999.0), (999.0, 999.0 - SKEW_SECONDS - 1), (999.0, None)],
    ids=["pod stays", "pod had time", "pod had some time", "cancelled long before", "nobody knows when"],
)
def test_what_may_have_been_cancelled_by_a_person_is_no_loss(killed_at: float | None, completed: float | None) -> None:
    pod = replace(a_pod(exit_code=0, reason="Completed"), killed_at=killed_at)
    assert loss_of(pod, replace(cancelled(at=0.0), completed=completed)) is None


def test_a_job_that_was_cancelled_as_its_pod_was_deleted_by_force_is_lost() -> None:
    loss = loss_of_departed(replace(a_pod(), ended=None), cancelled(at=1003.0), 1000.0)
    assert loss is not None
    assert loss.is_certain
    assert "its pod was deleted, and did not get the time" in loss.why


@pytest.mark.parametrize(
    "job",
    [
        None, JOB, concluded("failure", after=3), concluded("success", after=3),
        cancelled(at=1000.0 - SKEW_SECONDS - 1), cancelled(at=1000.0 + STOPPED_SECONDS + 1),
        replace(cancelled(at=1003.0), runner_id=2), replace(cancelled(at=1003.0), runner_name="b"),
    ],
    ids=["none", "goes on", "failed", "succeeded", "cancelled before", "cancelled later", "another's", "other name"],
)  # fmt: skip
def test_nothing_else_is_lost_with_a_pod_that_was_deleted_by_force(job: Job | None) -> None:
    assert loss_of_departed(replace(a_pod(), ended=None), job, 1000.0) is None


def test_a_pod_that_had_ended_before_it_went_is_judged_by_that_end() -> None:
    assert loss_of_departed(a_pod(), JOB, 5000.0) == loss_of(a_pod(), JOB) is not None
    assert loss_of_departed(a_pod(exit_code=0, reason="Completed"), cancelled(at=1000.0), 1000.0) is None
