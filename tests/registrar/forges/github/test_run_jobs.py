"""For how long a run's jobs are good where the run itself has not changed."""

from typing import Any

import pytest

from registrar.forges.github.reading import at_work
from registrar.forges.github.run_jobs import AtWork, RunJobs, good_among, good_for_a_runner, run_jobs
from registrar.untrusted import Entry

MANY = 900  # runs, which are read again in 300 seconds
READ_AT = 1000.0


def a_job(status: str = "in_progress", runner: int | None = None) -> Entry:
    return Entry({"id": 5, "status": status, "runner_id": runner})


def a_run(*jobs: Entry) -> RunJobs:
    return run_jobs("1", READ_AT, jobs, None)


def is_good(run: RunJobs, now: float, runs: int = MANY, listed: AtWork | None = None) -> bool:
    return good_among(runs, lambda: listed or AtWork())(run, now)


@pytest.mark.parametrize(("runs", "seconds"), [(1, 15), (45, 15), (90, 30), (900, 300)])
def test_jobs_are_good_for_as_long_as_reading_all_of_them_takes(runs: int, seconds: float) -> None:
    run = a_run(a_job(runner=7))
    assert is_good(run, READ_AT + seconds - 0.1, runs)
    assert not is_good(run, READ_AT + seconds, runs)


@pytest.mark.parametrize(
    ("jobs", "is_good_still"),
    [
        ([a_job(runner=7)], True),
        ([a_job(runner=7), a_job(runner=8), a_job("completed", runner=6), a_job("completed")], True),
        ([a_job(runner=7), a_job(runner=9)], False),
        ([a_job(runner=7), a_job("queued")], False),
        ([a_job("completed", runner=7)], False),
        ([], False),
    ],
)
def test_a_list_that_has_all_of_a_runs_runners_at_work_says_as_much_as_its_jobs(
    jobs: list[Entry], is_good_still: bool
) -> None:
    listed = AtWork(at=READ_AT + 290, runners=frozenset({7, 8}))
    assert is_good(a_run(*jobs), READ_AT + 310, listed=listed) is is_good_still


def test_a_list_is_believed_for_little_longer_than_the_jobs_themselves() -> None:
    run, listed = a_run(a_job(runner=7)), AtWork(at=READ_AT + 200, runners=frozenset({7}))
    assert is_good(run, READ_AT + 200 + 329, listed=listed)
    assert not is_good(run, READ_AT + 200 + 330, listed=listed)


def test_a_run_that_is_doubted_is_read_again_whoever_is_at_work() -> None:
    run, listed = a_run(a_job(runner=7)).doubted(), AtWork(at=READ_AT, runners=frozenset({7}))
    assert not is_good(run, READ_AT + 1, listed=listed)
    assert not good_for_a_runner(MANY, lambda: listed)(run, READ_AT + 1)


def test_for_a_runner_that_ended_few_runs_are_read_afresh_and_of_many_those_that_may_have_its_job() -> None:
    settled, waiting = a_run(a_job(runner=7)), a_run(a_job("queued"))
    assert good_for_a_runner(MANY, AtWork)(settled, READ_AT + 1)
    assert not good_for_a_runner(MANY, AtWork)(waiting, READ_AT + 1)
    assert not good_for_a_runner(40, AtWork)(settled, READ_AT + 1)


def test_jobs_that_are_read_again_as_they_were_stay_what_they_are_and_are_younger() -> None:
    before = a_run(a_job(runner=7))
    again = run_jobs("2", READ_AT + 60, (a_job(runner=7),), before)
    assert (again.jobs, again.parsed, again.at, again.version) == (before.jobs, before.parsed, READ_AT + 60, "2")
    assert again.jobs is before.jobs
    assert run_jobs("2", READ_AT + 60, (a_job(runner=8),), before).runners == {8}


@pytest.mark.parametrize(
    ("entry", "counts"),
    [
        ({"busy": True, "ephemeral": True}, True),
        ({"busy": False, "ephemeral": True}, False),
        ({"busy": True, "ephemeral": False}, False),  # it may have another job by now
        ({"busy": True}, False),  # an older GitHub does not say
        ({"busy": "yes", "ephemeral": 1}, False),
    ],
)
def test_at_work_is_who_is_busy_and_said_to_be_single_use(entry: dict[str, Any], counts: bool) -> None:
    assert list(at_work([{"id": 7, **entry}])) == ([7] if counts else [])
