"""The brake: what it counts, how long it holds and what releases it."""

from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrar import brake
from registrar.brake import RELEASED, Brake
from registrar.brakes import MOST_POOLS, Brakes
from registrar.outcomes import Outcome
from registrar.pods import Ended, RunnerPod, Stage
from tests.registrar.conftest import World

NO_JOB = Outcome(done=False, had_job=False, text="")
A_JOB = Outcome(done=True, had_job=True, text="")
LATER = 1e9  # than any end below


def ended_pod(uid: str, *, at: float, ran: float = 1.0, **changes: object) -> RunnerPod:
    ended = Ended(exit_code=127, reason="Error", message="not found", ran_seconds=ran, at=at)
    facts: dict[str, object] = {
        "namespace": "runners", "name": uid, "uid": uid, "version": 1, "pool": "cuda", "owner": "cuda",
        "template_hash": "abc", "service_account": "runner", "runner_labels": ("cml-gpu",), "stage": Stage.FAILED,
        "since": at, "created": at - ran, "cause": "", "started": True, "deleting": False, "runner_id": 1,
        "busy": None, "gated": False, "ended": ended,
    }  # fmt: skip
    return RunnerPod(**{**facts, **changes})  # type: ignore[arg-type]


def test_a_runner_that_dies_at_once_makes_no_more_than_a_handful_of_pods_a_minute() -> None:
    state, now, started = RELEASED, 1000.0, []
    while now < 1060:
        now += brake.remaining(state, now=now)
        started.append(now)
        state = brake.after_issue(state, at=now)
        now += 1.0
        state = brake.after_failure(state, at=now, ran_seconds=1.0, cause="exit code 127")
    assert len([at for at in started if at < 1060]) <= 5


def test_the_delay_grows_from_seconds_to_minutes_and_no_further() -> None:
    assert [brake.delay_after(rounds) for rounds in range(9)] == [0, 5, 10, 20, 40, 80, 160, 300, 300]
    assert brake.delay_after(10_000) == 300


def test_replicas_that_fail_together_are_one_round() -> None:
    state = RELEASED
    for _ in range(10):
        state = brake.after_failure(state, at=100.0, ran_seconds=2.0, cause="exit code 127")
    assert (state.failures, state.rounds) == (10, 1)
    assert brake.remaining(state, now=100.0) == 5.0


def test_after_the_delay_one_pod_tries_and_the_others_go_on_waiting() -> None:
    state = brake.after_failure(RELEASED, at=100.0, ran_seconds=1.0, cause="exit code 127")
    assert brake.remaining(state, now=105.0) == 0
    state = brake.after_issue(state, at=105.0)
    assert brake.remaining(state, now=105.0) == 5.0


def test_a_pool_without_failures_is_never_held_back() -> None:
    assert brake.after_issue(RELEASED, at=100.0) == RELEASED
    assert brake.remaining(RELEASED, now=0) == 0


@pytest.mark.parametrize(
    ("ran", "online", "counts"),
    [(1, False, True), (1, True, True), (60, False, True), (40, True, True), (599, True, True), (3600, True, False),
     (3600, False, True)],
)  # fmt: skip
def test_runners_that_end_without_a_job_soon_or_never_came_online_count(ran: float, online: bool, counts: bool) -> None:
    assert brake.is_failure(ran_seconds=ran, was_online=online) is counts


def test_twenty_online_runners_that_die_after_40_seconds_are_braked_more_each_time() -> None:
    brakes, now, issued = Brakes(), 1000.0, 0
    while now < 4600:
        waiting = ended_pod("x", at=0)
        now += brakes.remaining(waiting, now)
        issued += 1
        brakes.issued(waiting, now)
        running = replace(waiting, uid=str(issued), stage=Stage.RUNNING, ended=None, gated=True, since=now)
        brakes.lasts(running, now + 39)
        now += 40
        brakes.ended(ended_pod(str(issued), at=now, ran=40.0, gated=True), NO_JOB, LATER)
    assert issued < 25


@pytest.mark.parametrize("order", [("failed", "worked"), ("worked", "failed")])
def test_a_job_releases_the_failures_before_it_in_whatever_order_the_results_come(order: tuple[str, str]) -> None:
    brakes = Brakes()
    for what in order:
        if what == "failed":
            brakes.ended(ended_pod("a", at=100), NO_JOB, LATER)
        else:
            brakes.ended(ended_pod("b", at=110), A_JOB, LATER)
    assert brakes.remaining(ended_pod("x", at=0), 102) == 0
    brakes.ended(ended_pod("c", at=120), NO_JOB, LATER)
    assert brakes.remaining(ended_pod("x", at=0), 120) > 0


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_failures_count_the_same_in_whatever_order_the_results_come(order: tuple[int, ...]) -> None:
    brakes = Brakes()
    for number in order:
        brakes.ended(ended_pod(f"a{number}", at=100.0 + 10 * number), NO_JOB, LATER)
    assert brakes.remaining(ended_pod("x", at=0), 120) >= 5


def test_a_pool_keeps_failing_from_its_third_round_on_until_one_works() -> None:
    brakes, other = Brakes(), ended_pod("x", at=0)
    keeps_failing = partial(brakes.keeps_failing, other.namespace, other.pool)
    seen = []
    for number in range(3):
        brakes.ended(ended_pod(f"a{number}", at=100.0 + 10 * number), NO_JOB, LATER)
        seen.append(keeps_failing([other]))
    assert seen == [False, False, True]
    assert keeps_failing([])
    assert not keeps_failing([replace(other, template_hash="new", created=other.created + 1), other])
    assert not keeps_failing([])
    assert keeps_failing([other])
    brakes.ended(ended_pod("b", at=200), A_JOB, LATER)
    assert not keeps_failing([other])


def test_the_cause_names_pool_number_and_exit_code() -> None:
    state = brake.after_failure(RELEASED, at=100.0, ran_seconds=4.4, cause="exit code 127 (not found)")
    state = brake.after_failure(state, at=110.0, ran_seconds=1.0, cause="exit code 127 (not found)")
    said = brake.explain(state, pool="cuda")
    assert said == (
        "the last 2 runners of pool cuda ended within 4 s without a job, the last with exit code 127 (not found)"
    )


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=20), st.integers(0, 5000))
def test_the_brake_never_holds_longer_than_its_longest_delay(ends: list[int], now: int) -> None:
    state = Brake()
    for at in sorted(ends):
        state = brake.after_failure(state, at=at, ran_seconds=1.0, cause="")
    assert 0 <= brake.remaining(state, now=max(now, *ends)) <= brake.LONGEST_DELAY_SECONDS


def test_a_job_releases_the_pool() -> None:
    brakes = Brakes()
    brakes.ended(ended_pod("a", at=100), NO_JOB, LATER)
    assert brakes.remaining(ended_pod("x", at=0), 100) > 0
    brakes.ended(ended_pod("b", at=101), A_JOB, LATER)
    assert brakes.remaining(ended_pod("x", at=0), 101) == 0


def test_a_new_template_starts_without_a_memory() -> None:
    brakes = Brakes()
    brakes.ended(ended_pod("a", at=100), NO_JOB, LATER)
    assert brakes.remaining(ended_pod("x", at=0, template_hash="new"), 100) == 0


def test_a_pod_is_counted_once_however_often_it_is_seen() -> None:
    brakes = Brakes()
    for _ in range(5):
        brakes.ended(ended_pod("a", at=100), NO_JOB, LATER)
    assert "the last runner of" in brakes.explain(ended_pod("x", at=0))


def test_a_pod_that_somebody_deleted_does_not_count() -> None:
    brakes = Brakes()
    brakes.ended(ended_pod("a", at=100, deleting=True), NO_JOB, LATER)
    assert brakes.remaining(ended_pod("x", at=0), 100) == 0


def test_a_runner_that_lasts_releases_the_pool_but_only_if_it_started_after_the_failures() -> None:
    brakes = Brakes()
    brakes.ended(ended_pod("a", at=100), NO_JOB, LATER)
    running = replace(ended_pod("b", at=90), stage=Stage.RUNNING, ended=None, gated=True, since=90.0)
    brakes.lasts(running, 103)
    assert brakes.remaining(running, 103) > 0
    brakes.lasts(replace(running, since=110.0), 120)
    assert "last runner" in brakes.explain(running)
    brakes.lasts(replace(running, since=110.0), 141)
    assert brakes.held(103) == {}


def test_a_runner_that_began_at_the_moment_of_the_failure_has_not_shown_anything_yet() -> None:
    brakes = Brakes()
    brakes.ended(ended_pod("a", at=100), NO_JOB, LATER)
    running = replace(ended_pod("b", at=100), stage=Stage.RUNNING, ended=None, gated=True, since=100.0)
    brakes.lasts(running, 200)
    assert brakes.held(103) == {("runners", "cuda"): 2.0}


@pytest.mark.parametrize("stage", [Stage.STARTING, Stage.TERMINATING])
def test_only_a_runner_that_is_online_lasts_and_one_with_a_job_does_at_once(stage: Stage) -> None:
    brakes = Brakes()
    brakes.ended(ended_pod("a", at=100), NO_JOB, LATER)
    other = replace(ended_pod("b", at=110), stage=stage, ended=None, gated=False, since=110.0)
    brakes.lasts(other, 1000)
    assert brakes.held(103)
    brakes.lasts(replace(other, busy="7"), 111)
    assert brakes.held(103) == {}


def test_a_runner_that_never_came_online_is_counted_once_and_named_as_the_cause() -> None:
    brakes = Brakes()
    pod = replace(ended_pod("a", at=100), stage=Stage.STARTING, ended=None, since=40.0)
    brakes.never_came_online(pod, 100)
    brakes.never_came_online(pod, 100)
    brakes.ended(ended_pod("a", at=101), NO_JOB, LATER)
    words = (
        "the last runner of pool cuda ended within 60 s without a job, the last with a runner that never came online"
    )
    assert brakes.explain(pod) == words
    assert brakes.held(100) == {("runners", "cuda"): 5.0}


def test_what_a_pool_was_braked_for_is_the_exit_of_its_last_runner() -> None:
    brakes = Brakes()
    brakes.ended(ended_pod("a", at=100), NO_JOB, LATER)
    assert brakes.explain(ended_pod("x", at=0)).endswith("the last with exit code 127 (Error: not found)")


def test_pods_that_are_gone_are_forgotten_and_what_their_pool_did_is_not() -> None:
    brakes = Brakes()
    brakes.ended(ended_pod("a", at=100), NO_JOB, LATER)
    brakes.ended(ended_pod("b", at=100), NO_JOB, LATER)
    assert brakes.remembered == 2
    brakes.forget({"b"})
    assert brakes.remembered == 1
    brakes.forget(())
    assert brakes.remembered == 0
    assert brakes.remaining(ended_pod("x", at=0), 100) > 0


def test_templates_without_end_are_remembered_up_to_a_number_the_newest_of_them() -> None:
    brakes = Brakes()
    for number in range(MOST_POOLS + 5):
        brakes.ended(ended_pod(f"a{number}", at=100, template_hash=str(number)), NO_JOB, LATER)
        brakes.ended(ended_pod(f"b{number}", at=90, template_hash=f"w{number}"), A_JOB, LATER)
    brakes.forget(())
    assert brakes.remaining(ended_pod("x", at=0, template_hash="4"), 100) == 0
    assert brakes.remaining(ended_pod("x", at=0, template_hash="5"), 100) > 0
    # when a pool last worked is remembered as long: an older failure of it does not count
    brakes.ended(ended_pod("c", at=80, template_hash="w4"), NO_JOB, LATER)
    brakes.ended(ended_pod("d", at=80, template_hash="w5"), NO_JOB, LATER)
    assert brakes.remaining(ended_pod("x", at=0, template_hash="w4"), 80) > 0
    assert brakes.remaining(ended_pod("x", at=0, template_hash="w5"), 80) == 0


def test_below_that_number_nothing_is_forgotten() -> None:
    brakes, number = Brakes(), MOST_POOLS * 3 // 4
    for template in range(number):
        brakes.ended(ended_pod(f"a{template}", at=100, template_hash=str(template)), NO_JOB, LATER)
    brakes.forget(())
    assert all(brakes.remaining(ended_pod("x", at=0, template_hash=str(it)), 100) > 0 for it in range(number))


def test_a_node_whose_clock_is_an_hour_ahead_holds_its_pool_no_longer_than_others() -> None:
    brakes, waiting = Brakes(), ended_pod("x", at=0)
    brakes.ended(ended_pod("a", at=3700), NO_JOB, 100)
    assert brakes.remaining(waiting, 101) == brake.FIRST_DELAY_SECONDS - 1
    brakes.ended(ended_pod("b", at=110), A_JOB, 111)
    assert brakes.held(111) == {}, "and the next job that ends releases it"


def test_a_job_on_a_node_whose_clock_is_an_hour_ahead_excuses_no_failure_after_it() -> None:
    brakes = Brakes()
    brakes.ended(ended_pod("a", at=3700), A_JOB, 100)
    brakes.ended(ended_pod("b", at=105), NO_JOB, 106)
    assert brakes.remaining(ended_pod("x", at=0), 106) > 0


def test_a_clock_that_is_set_back_holds_no_pool_for_as_long() -> None:
    brakes, waiting = Brakes(), ended_pod("x", at=0)
    brakes.ended(ended_pod("a", at=5000), NO_JOB, 5000)
    assert brakes.remaining(waiting, 1400) == 0, "one may try"
    brakes.issued(waiting, 1400)
    assert 0 < brakes.remaining(waiting, 1401) <= brake.FIRST_DELAY_SECONDS, "and the others wait for its end"


async def test_what_any_part_remembers_of_pods_is_counted(world: World) -> None:
    assert world.service.remembered() == 0
    world.brakes.never_came_online(ended_pod("a", at=1000.0), 1000.0)
    assert world.service.remembered() == world.brakes.remembered > 0
