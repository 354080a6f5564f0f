"""How many runners a pool is asked to have."""

from dataclasses import replace

from registrar.demand import runners_wanted
from registrar.pods import RunnerPod, Stage
from registrar.queue import Count
from tests.registrar.test_brake import ended_pod

NOW = 1000.0


def pod(
    number: int, stage: Stage = Stage.RUNNING, *, idle: float = 5.0, busy: str | None = None, deleting: bool = False
) -> RunnerPod:
    """A pod that came `idle` seconds ago."""
    return replace(
        ended_pod(f"uid-{number}", at=1), stage=stage, ended=None, since=NOW - idle, created=NOW - idle, busy=busy,
        runner_id=number, deleting=deleting,
    )  # fmt: skip


def wanted(
    count: Count, *pods: RunnerPod, working: tuple[int, ...] = (), idle: int | None = 60, reserved: bool = False
) -> int:
    return runners_wanted(
        count, pods, working=frozenset(working), idle_seconds=idle, now=NOW, reserved=reserved
    )  # fmt: skip


def test_every_job_needs_a_runner() -> None:
    assert wanted(Count(waiting=3, running=2)) == 5


def test_an_idle_runner_stays_for_as_long_as_the_pool_says_and_no_longer() -> None:
    assert wanted(Count(), pod(1, idle=59)) == 1
    assert wanted(Count(), pod(1, idle=61)) == 0


def test_a_runner_that_waited_long_for_its_place_has_not_been_idle_all_the_time() -> None:
    late = replace(pod(1), created=NOW - 900, since=NOW - 5)
    assert wanted(Count(), late) == 1


def test_a_runner_that_takes_the_place_of_one_whose_job_is_still_listed_makes_no_other() -> None:
    """The forge's list is older than the pods: were both added up, the pool would grow and shrink with each job."""
    before = Count(running=1)
    assert wanted(before, pod(1, Stage.COMPLETED, busy="7"), pod(2, idle=1), working=(1,)) == 1


def test_idle_runners_make_room_for_waiting_jobs_instead_of_being_added_to_them() -> None:
    assert wanted(Count(waiting=2), pod(1), pod(2)) == 2


def test_a_runner_with_a_job_that_is_not_latched_yet_is_no_idle_one() -> None:
    assert wanted(Count(running=1), pod(1, idle=900), working=(1,)) == 1


def test_a_pod_that_leaves_is_not_counted() -> None:
    assert wanted(Count(), pod(1, deleting=True)) == 0


def test_where_the_autoscaler_itself_is_patient_only_jobs_count() -> None:
    assert wanted(Count(waiting=1), pod(1), pod(2), idle=None) == 1


def test_while_devices_are_kept_for_another_pool_only_runners_that_work_stay() -> None:
    assert wanted(Count(waiting=9, running=1), pod(1, busy="7"), pod(2, idle=1), working=(1,), reserved=True) == 1


def test_a_pool_that_is_held_back_keeps_those_that_work_and_makes_none_for_those_that_leave() -> None:
    count = Count(waiting=4, running=3, leaving=1)
    assert wanted(count, pod(1, busy="7"), pod(2), reserved=True) == 2
    assert wanted(Count(), pod(1, busy="7"), pod(2), reserved=True) == 1
