"""What an ended runner amounts to, and which failed pods are kept."""

from dataclasses import replace

import pytest

from registrar.forges.forge import Job
from registrar.outcomes import kept_failures, outcome_of
from tests.registrar.test_brake import ended_pod


def job(conclusion: str) -> Job:
    return Job(id="7", name="train", labels=frozenset(), runner_id=1, in_progress=not conclusion, conclusion=conclusion)


@pytest.mark.parametrize("conclusion", ["success", "failure", "cancelled"])
def test_a_runner_is_done_when_its_job_has_a_conclusion_whatever_the_exit_code(conclusion: str) -> None:
    outcome = outcome_of(ended_pod("a", at=100), job(conclusion))
    assert outcome.done
    assert conclusion in outcome.text
    assert "exit code 127" in outcome.text


def test_a_job_without_a_conclusion_is_a_lost_result() -> None:
    outcome = outcome_of(ended_pod("a", at=100, busy="7"), job(""))
    assert (outcome.done, outcome.had_job) == (False, True)


def test_a_job_that_the_forge_forgot_was_still_a_job() -> None:
    outcome = outcome_of(ended_pod("a", at=100, busy="7"), None)
    assert (outcome.done, outcome.had_job) == (False, True)


def test_a_runner_without_a_job_says_how_long_it_ran_and_why_it_ended() -> None:
    outcome = outcome_of(ended_pod("a", at=100, ran=3.0), None)
    assert outcome.text == "the runner ended with exit code 127 (Error: not found) after 3 s without a job"
    assert not outcome.had_job


def test_the_last_failures_of_each_pool_are_kept() -> None:
    pods = [ended_pod(f"a{number}", at=number) for number in range(5)]
    others = [replace(pod, uid=f"b{pod.uid}", pool="base") for pod in pods[:1]]
    assert kept_failures([*pods, *others], 2) == {"a4", "a3", "ba0"}
    assert kept_failures(pods, 0) == frozenset()


def test_an_outdated_runner_names_its_cure() -> None:
    pod = ended_pod("a", at=100)
    assert pod.ended is not None
    outcome = outcome_of(replace(pod, ended=replace(pod.ended, exit_code=7)), None)
    assert "no longer serves this version of the runner: set runnerImage to a newer one" in outcome.text
