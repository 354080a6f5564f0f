"""What an ended runner amounts to, and which failed pods are kept."""

from dataclasses import replace

import pytest

from registrar.forges.forge import Job
from registrar.outcomes import kept_failures, outcome_of
from registrar.pods import Ended
from tests.registrar.test_brake import ended_pod


def job(conclusion: str) -> Job:
    return Job(id="7", name="train", labels=frozenset(), runner_id=1, in_progress=not conclusion, conclusion=conclusion)


@pytest.mark.parametrize("conclusion", ["success", "failure", "cancelled"])
def test_a_runner_is_done_when_its_job_has_a_conclusion_whatever_the_exit_code(conclusion: str) -> None:
    outcome = outcome_of(ended_pod("a", at=100), job(conclusion))
    assert (outcome.done, outcome.had_job) == (True, True)
    ending = "the runner ended with exit code 127 (Error: not found)"
    assert outcome.text == f"job 7 (train) concluded: {conclusion}; {ending}"


def test_a_job_without_a_conclusion_is_a_lost_result() -> None:
    outcome = outcome_of(ended_pod("a", at=100, busy="7"), job(""))
    assert (outcome.done, outcome.had_job) == (False, True)
    assert "but job 7 (train) has no conclusion at the forge: its result is lost" in outcome.text


def test_a_job_that_the_forge_forgot_was_still_a_job() -> None:
    outcome = outcome_of(ended_pod("a", at=100, busy="7"), None)
    assert (outcome.done, outcome.had_job) == (False, True)
    assert outcome.text.endswith("the forge no longer names its job 7")


@pytest.mark.parametrize(("name", "done"), [("", True), ("a", True), ("victim", False)])
def test_a_job_of_a_runner_of_another_name_is_not_this_pods(name: str, done: bool) -> None:
    outcome = outcome_of(ended_pod("a", at=100), replace(job("success"), runner_name=name))
    assert (outcome.done, outcome.had_job) == (done, done)


def test_a_pod_that_has_not_ended_is_judged_without_an_end() -> None:
    outcome = outcome_of(replace(ended_pod("a", at=100), ended=None), None)
    assert "the runner has not ended" in outcome.text
    assert (outcome.done, outcome.had_job) == (False, False)


def test_a_runner_without_a_job_says_how_long_it_ran_and_why_it_ended() -> None:
    outcome = outcome_of(ended_pod("a", at=100, ran=3.0), None)
    assert outcome.text == "the runner ended with exit code 127 (Error: not found) after 3 s without a job"
    assert (outcome.done, outcome.had_job) == (False, False)


def test_a_pod_that_was_deleted_before_its_runner_began_says_so() -> None:
    ended = Ended(exit_code=None, reason="", message="", ran_seconds=0.0, at=100.0)
    outcome = outcome_of(ended_pod("a", at=100, deleting=True, started=False, ended=ended), None)
    assert outcome.text == "its pod was deleted before the runner began"
    assert (outcome.done, outcome.had_job) == (False, False)


def test_the_last_failures_of_each_pool_are_kept() -> None:
    pods = [ended_pod(f"a{number}", at=number) for number in range(5)]
    others = [replace(pod, uid=f"b{pod.uid}", pool="base") for pod in pods[:1]]
    assert kept_failures([*pods, *others], 2) == {"a4", "a3", "ba0"}
    assert kept_failures(pods, 0) == frozenset()


def test_of_failures_of_one_moment_the_names_decide_so_that_every_look_keeps_the_same_ones() -> None:
    pods = [ended_pod(name, at=100) for name in ("a", "c", "b")]
    assert kept_failures(pods, 2) == kept_failures(pods[::-1], 2) == {"b", "c"}


def test_an_outdated_runner_names_its_cure() -> None:
    pod = ended_pod("a", at=100)
    assert pod.ended is not None
    outcome = outcome_of(replace(pod, ended=replace(pod.ended, exit_code=7)), None)
    assert "no longer serves this version of the runner: set runnerImage to a newer one" in outcome.text
