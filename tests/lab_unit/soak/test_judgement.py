"""What is broken is found, and nothing else: one thing at a time is otherwise than it should be."""

from dataclasses import replace

import pytest

from lab.soak.judgement import DESCRIPTORS_PER_MINUTE, MEMORY_KIB_PER_MINUTE, judge, taken, verdict
from lab.soak.record import Left, Record
from tests.lab_unit.soak.records import job, record, samples, with_job


def broken(record: Record) -> set[str]:
    """The questions that did not hold."""
    return {finding.question for finding in judge(record) if finding.held is False}


def test_where_all_went_well_all_is_judged_and_holds() -> None:
    findings = judge(record())
    assert [finding for finding in findings if finding.held is not True] == []
    assert verdict(findings)


@pytest.mark.parametrize("conclusion", ["failure", "cancelled", ""])
def test_a_job_without_success_is_lost(conclusion: str) -> None:
    assert broken(with_job(job("late", conclusion=conclusion))) == {"jobs lost"}


def test_a_job_that_began_twice_ran_twice() -> None:
    assert broken(with_job(job("again", begun=2))) == {"jobs that ran twice"}


def test_a_success_without_a_beginning_is_none() -> None:
    assert broken(with_job(job("hollow", begun=0))) == {"successes of jobs that never began"}


def test_a_job_that_a_fault_took_is_not_lost_but_has_to_be_told() -> None:
    victim = replace(job("victim", conclusion=""), taken_by="runner-killed")
    assert broken(with_job(victim)) == {"jobs taken by a fault of which nobody was told"}
    told = with_job(replace(victim, told=True))
    assert broken(told) == set()
    assert [it.name for it in taken(told)] == ["victim"]


def test_a_job_that_succeeded_on_a_victim_in_time_is_not_taken() -> None:
    spared = with_job(replace(job("spared"), taken_by="runner-killed"))
    assert (broken(spared), taken(spared)) == (set(), [])


@pytest.mark.parametrize(
    ("left", "question"),
    [
        (Left("gitea", ("pod-9",), ()), "pods that nobody has"),
        (Left("github", (), ("runner-9",)), "registrations that nobody has"),
    ],
)
def test_what_is_left_is_named(left: Left, question: str) -> None:
    leaking = replace(record(), left=(left,))
    assert broken(leaking) == {question}
    (finding,) = [it for it in judge(leaking) if it.question == question]
    assert finding.found == f"1: {left.side} {(*left.pods, *left.registrations)[0]}"


def test_a_registrar_that_nobody_ended_and_that_has_a_successor_ended_by_itself() -> None:
    assert broken(replace(record(), strikes=())) == {"registrars that ended by themselves"}


def test_memory_that_grows_is_seen_at_the_forge_where_it_does() -> None:
    growing = samples("gitea", kib_per_minute=MEMORY_KIB_PER_MINUTE * 1.2)
    assert broken(replace(record(), samples=growing + samples("github"))) == {"KiB of memory more per minute, gitea"}
    slowly = samples("gitea", kib_per_minute=MEMORY_KIB_PER_MINUTE * 0.8)
    assert broken(replace(record(), samples=slowly + samples("github"))) == set()


def test_descriptors_that_grow_are_seen() -> None:
    growing = samples("github", descriptors_per_minute=DESCRIPTORS_PER_MINUTE * 2)
    assert broken(replace(record(), samples=samples("gitea") + growing)) == {"descriptors more per minute, github"}


def test_a_process_that_did_not_live_long_enough_is_not_judged_and_said_to_be_so() -> None:
    short = tuple(sample for sample in record().samples if sample.at < 400)
    findings = {finding.question: finding for finding in judge(replace(record(), samples=short))}
    assert findings["KiB of memory more per minute, gitea"].held is None
    assert "12 minutes" in findings["descriptors more per minute, github"].found
    assert verdict(findings.values())


def test_more_registrations_than_pods_are_a_flood() -> None:
    flooding = tuple(replace(sample, registrations=sample.pods * 2) for sample in samples("gitea"))
    assert broken(replace(record(), samples=flooding + samples("github"))) == {"registrations per pod, gitea"}


def test_an_event_again_and_again_is_a_flood() -> None:
    flooding = tuple(replace(sample, events=sample.pods * 40) for sample in samples("github"))
    assert broken(replace(record(), samples=samples("gitea") + flooding)) == {"Events per pod, github"}


def test_where_hardly_a_job_was_done_nothing_was_shown() -> None:
    idle = replace(record(), jobs=tuple(it for it in record().jobs if it.side == "gitea"))
    assert broken(idle) == {"jobs done per minute, github"}
