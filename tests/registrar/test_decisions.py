"""Every pod state meets every forge state, and each meeting has exactly the intended decision."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrar.decisions import (
    REGISTRATION_DRIFT,
    Action,
    PodState,
    RunnerState,
    Standing,
    Verb,
    decide,
)
from registrar.pods import ENDED, WAITING, Stage
from values import contract

UNKNOWN, ABSENT, OFFLINE, IDLE, ACTIVE, BUSY = Standing
LEFT_ALONE: tuple[tuple[Verb, str], ...] = ()

GATE = (Verb.SET_GATE, contract.RUNNER_ONLINE)
LATCH = (Verb.LATCH, contract.JOB_STARTED)
CORDON = (Verb.CORDON, contract.RUNNER_CORDONED)
REMOVE = (Verb.REMOVE, contract.REGISTRATION_REMOVED)
GHOST = (Verb.REMOVE, contract.GHOST_REMOVED)
LATE = (Verb.DELETE_POD, contract.NOT_ONLINE)
LOST = (Verb.DELETE_POD, contract.RUNNER_LOST)
SWEEP_GOOD = (Verb.DELETE_POD, contract.RUNNER_COMPLETED)
SWEEP_BAD = (Verb.DELETE_POD, contract.RUNNER_FAILED)
TELL_GOOD = (Verb.REPORT, contract.RUNNER_COMPLETED)
TELL_BAD = (Verb.REPORT, contract.RUNNER_FAILED)
WAITS = (Verb.REPORT, contract.POOL_WAITING)
SAY_UNKNOWN = (Verb.REPORT, contract.FORGE_UNKNOWN)
DRIFT = (Verb.REPORT, REGISTRATION_DRIFT)


def a_pod(stage: Stage, **changes: object) -> PodState:
    facts: dict[str, object] = {
        "stage": stage, "latched": False, "gated": stage is Stage.RUNNING, "deleting": stage is Stage.TERMINATING,
        "stopped": False, "overdue": False, "done": False, "kept": False, "names_job": False, "text": "why",
    }  # fmt: skip
    return PodState(**{**facts, **changes})  # type: ignore[arg-type]


def a_runner(standing: Standing, **changes: object) -> RunnerState:
    facts: dict[str, object] = {
        "standing": standing, "cordoned": False, "settled": False, "gone_too_long": False, "namespaces_listed": True,
        "abandoned": False, "over": False,
        "job_id": "7" if standing is BUSY else None, "drift": "",
        "text": "the forge answers 503" if standing is UNKNOWN else "",
    }  # fmt: skip
    return RunnerState(**{**facts, **changes})  # type: ignore[arg-type]


def outline(actions: tuple[Action, ...]) -> tuple[tuple[Verb, str], ...]:
    return tuple((action.verb, action.reason) for action in actions)


ALL = tuple(Standing)

# (stage, latched) -> forge state -> decision, in time and with nothing done before
TABLE: dict[tuple[Stage, bool], dict[Standing, tuple[tuple[Verb, str], ...]]] = {
    **{(stage, latched): dict.fromkeys(ALL, LEFT_ALONE) for stage in WAITING for latched in (False, True)},
    (Stage.STARTING, False): {
        UNKNOWN: (SAY_UNKNOWN,),
        ABSENT: LEFT_ALONE,
        OFFLINE: LEFT_ALONE,
        IDLE: (GATE,),
        ACTIVE: (GATE, LATCH),
        BUSY: (GATE, LATCH),
    },
    (Stage.STARTING, True): {
        UNKNOWN: LEFT_ALONE,
        ABSENT: (GATE,),
        OFFLINE: (GATE,),
        IDLE: (GATE,),
        ACTIVE: (GATE,),
        BUSY: (GATE, LATCH),  # the latch did not know the job's id yet
    },
    (Stage.RUNNING, False): {
        UNKNOWN: LEFT_ALONE,
        ABSENT: LEFT_ALONE,
        OFFLINE: LEFT_ALONE,
        IDLE: LEFT_ALONE,
        ACTIVE: (LATCH,),
        BUSY: (LATCH,),
    },
    (Stage.RUNNING, True): {**dict.fromkeys(ALL, LEFT_ALONE), BUSY: (LATCH,)},
    (Stage.TERMINATING, False): {
        UNKNOWN: (SAY_UNKNOWN,),
        ABSENT: LEFT_ALONE,
        OFFLINE: (CORDON,),
        IDLE: (CORDON,),
        ACTIVE: (LATCH,),
        BUSY: (LATCH,),
    },
    (Stage.TERMINATING, True): dict.fromkeys(ALL, LEFT_ALONE),
    **{
        (stage, latched): {
            UNKNOWN: LEFT_ALONE,
            ABSENT: (SWEEP_BAD,),
            OFFLINE: (CORDON, REMOVE, SWEEP_BAD),
            IDLE: (CORDON, REMOVE, SWEEP_BAD),
            ACTIVE: (CORDON, REMOVE, SWEEP_BAD),
            BUSY: (SWEEP_BAD,),
        }
        for stage in ENDED
        for latched in (False, True)
    },
}


def test_the_table_has_a_row_for_every_pod_state_and_every_forge_state() -> None:
    assert set(TABLE) == set(itertools.product(Stage, (False, True)))
    assert all(set(row) == set(Standing) for row in TABLE.values())


@pytest.mark.parametrize("standing", Standing)
@pytest.mark.parametrize("latched", [False, True])
@pytest.mark.parametrize("stage", Stage)
def test_each_meeting_has_exactly_its_decision(stage: Stage, latched: bool, standing: Standing) -> None:
    decision = decide(a_pod(stage, latched=latched), a_runner(standing))
    assert outline(decision) == TABLE[stage, latched][standing]


@pytest.mark.parametrize("standing", Standing)
@pytest.mark.parametrize("stage", sorted(WAITING, key=str))
def test_a_pod_that_waits_past_its_deadline_is_reported_with_its_cause_and_not_touched(
    stage: Stage, standing: Standing
) -> None:
    (action,) = decide(a_pod(stage, overdue=True, text="0/3 nodes are available"), a_runner(standing))
    assert (action.verb, action.reason) == WAITS
    assert stage.value in action.message
    assert "0/3 nodes are available" in action.message


OVERDUE = {
    (ABSENT, False, False): (LATE,),
    (OFFLINE, False, False): (CORDON,),
    (OFFLINE, True, False): LEFT_ALONE,  # the cordon settles
    (OFFLINE, True, True): (REMOVE, LATE),
    (IDLE, False, False): (GATE,),  # late, but in time before anybody acted
    (IDLE, True, False): LEFT_ALONE,
    (IDLE, True, True): (REMOVE, LATE),  # cordoned for being late: it could never get a job
    (BUSY, True, True): (GATE, LATCH),  # the job came before the cordon
    (ACTIVE, True, True): (GATE, LATCH),
    (UNKNOWN, False, False): (SAY_UNKNOWN,),
}


@pytest.mark.parametrize("case", OVERDUE)
def test_a_runner_that_does_not_come_online_in_time_is_cordoned_removed_and_deleted(
    case: tuple[Standing, bool, bool],
) -> None:
    standing, cordoned, settled = case
    runner = a_runner(standing, cordoned=cordoned, settled=settled)
    assert outline(decide(a_pod(Stage.STARTING, overdue=True), runner)) == OVERDUE[case]


@pytest.mark.parametrize("standing", [OFFLINE, ABSENT])
@pytest.mark.parametrize("latched", [False, True])
def test_an_idle_runner_that_is_gone_for_too_long_loses_its_pod_and_a_busy_one_does_not(
    standing: Standing, latched: bool
) -> None:
    decision = decide(a_pod(Stage.RUNNING, latched=latched), a_runner(standing, gone_too_long=True))
    assert outline(decision) == (LEFT_ALONE if latched else (LOST,))


@pytest.mark.parametrize("standing", Standing)
@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("latched", [False, True])
def test_a_runner_that_is_abandoned_with_its_latch_loses_its_pod_and_nobody_else_does(
    stage: Stage, latched: bool, standing: Standing
) -> None:
    decision = outline(decide(a_pod(stage, latched=latched), a_runner(standing, abandoned=True)))
    if stage in (Stage.STARTING, Stage.RUNNING) and latched and standing is ABSENT:
        assert LOST in decision
    else:
        assert decision == TABLE[stage, latched][standing]


@pytest.mark.parametrize("standing", Standing)
@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("latched", [False, True])
def test_a_runner_whose_job_the_forge_has_ended_is_ended_even_while_it_waits_for_that_job_and_nobody_else_is(
    stage: Stage, latched: bool, standing: Standing
) -> None:
    decision = outline(decide(a_pod(stage, latched=latched), a_runner(standing, over=True)))
    if stage in (Stage.STARTING, Stage.RUNNING, Stage.TERMINATING) and latched and standing is ABSENT:
        assert (Verb.END_POD, contract.RUNNER_LOST) in decision
        assert Verb.DELETE_POD not in {verb for verb, _ in decision}
    else:
        assert decision == TABLE[stage, latched][standing]


@pytest.mark.parametrize("standing", [OFFLINE, IDLE])
def test_a_deleted_idle_runner_is_removed_only_once_its_cordon_has_settled(standing: Standing) -> None:
    pod = a_pod(Stage.TERMINATING)
    assert outline(decide(pod, a_runner(standing, cordoned=True))) == LEFT_ALONE
    assert outline(decide(pod, a_runner(standing, cordoned=True, settled=True))) == (REMOVE,)


def test_a_job_that_slipped_in_before_the_cordon_saves_the_runner() -> None:
    decision = decide(a_pod(Stage.TERMINATING), a_runner(BUSY, cordoned=True, settled=True))
    assert outline(decision) == (LATCH,)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"done": True}, (SWEEP_GOOD,)),
        ({"done": True, "deleting": True}, (TELL_GOOD,)),
        ({"kept": True}, (TELL_BAD,)),
        ({"deleting": True, "latched": True}, (TELL_BAD,)),
    ],
)
@pytest.mark.parametrize("stage", sorted(ENDED, key=str))
def test_an_ended_pod_is_swept_unless_it_is_kept_or_on_its_way_out(
    stage: Stage, changes: dict[str, object], expected: tuple[tuple[Verb, str], ...]
) -> None:
    assert outline(decide(a_pod(stage, **changes), a_runner(ABSENT))) == expected


def test_exit_code_0_without_a_conclusion_counts_as_failed() -> None:
    assert outline(decide(a_pod(Stage.COMPLETED, done=False), a_runner(ABSENT))) == (SWEEP_BAD,)


def test_an_idle_runner_that_was_deleted_has_left_and_not_failed() -> None:
    for stage, reason in ((Stage.COMPLETED, contract.RUNNER_LEFT), (Stage.FAILED, contract.RUNNER_FAILED)):
        assert outline(decide(a_pod(stage, deleting=True), a_runner(ABSENT))) == ((Verb.REPORT, reason),)


@pytest.mark.parametrize(("latched", "reason"), [(False, contract.RUNNER_LEFT), (True, contract.RUNNER_FAILED)])
def test_a_runner_that_its_deletion_ended_has_left_unless_it_had_a_job(latched: bool, reason: str) -> None:
    pod = a_pod(Stage.FAILED, deleting=True, stopped=True, latched=latched)
    assert outline(decide(pod, a_runner(ABSENT))) == ((Verb.REPORT, reason),)


def test_an_ended_runner_that_is_cordoned_already_is_just_removed() -> None:
    decision = decide(a_pod(Stage.FAILED, kept=True), a_runner(OFFLINE, cordoned=True))
    assert outline(decision) == (REMOVE, TELL_BAD)


@pytest.mark.parametrize("standing", Standing)
@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("long_gone", [False, True])
@pytest.mark.parametrize("settled", [None, False, True])
def test_a_runner_without_a_pod_is_a_ghost_only_if_offline_for_long_and_its_namespaces_are_listed(
    standing: Standing, listed: bool, long_gone: bool, settled: bool | None
) -> None:
    runner = a_runner(
        standing,
        namespaces_listed=listed,
        gone_too_long=long_gone,
        cordoned=settled is not None,
        settled=bool(settled),
    )
    if not (standing is OFFLINE and listed and long_gone):
        expected = LEFT_ALONE
    else:
        expected = {None: (CORDON,), False: LEFT_ALONE, True: (GHOST,)}[settled]
    assert outline(decide(None, runner)) == expected


@pytest.mark.parametrize("stage", [Stage.STARTING, Stage.TERMINATING])
def test_a_runner_that_was_just_not_asked_about_yet_is_no_news(stage: Stage) -> None:
    assert decide(a_pod(stage), a_runner(UNKNOWN, text="")) == ()


def test_a_registration_that_differs_is_reported_and_nothing_else() -> None:
    decision = decide(a_pod(Stage.RUNNING), a_runner(IDLE, drift="labels are 'gpu', declared 'cml-gpu'"))
    assert outline(decision) == (DRIFT,)
    assert decision[0].message == "labels are 'gpu', declared 'cml-gpu'"


def test_a_latch_without_the_jobs_id_learns_it_once() -> None:
    assert outline(decide(a_pod(Stage.RUNNING, latched=True), a_runner(BUSY))) == (LATCH,)
    assert outline(decide(a_pod(Stage.RUNNING, latched=True, names_job=True), a_runner(BUSY))) == LEFT_ALONE


# --- what holds for every combination of every fact

pods = st.builds(
    PodState,
    stage=st.sampled_from(Stage),
    latched=st.booleans(),
    gated=st.booleans(),
    deleting=st.booleans(),
    overdue=st.booleans(),
    done=st.booleans(),
    kept=st.booleans(),
    names_job=st.booleans(),
    text=st.just("why"),
)
runners = st.builds(
    RunnerState,
    standing=st.sampled_from(Standing),
    cordoned=st.booleans(),
    settled=st.booleans(),
    gone_too_long=st.booleans(),
    namespaces_listed=st.booleans(),
    abandoned=st.booleans(),
    over=st.booleans(),
    job_id=st.sampled_from([None, "7"]),
    drift=st.sampled_from(["", "labels differ"]),
    text=st.just(""),
)


def verbs(actions: tuple[Action, ...]) -> list[Verb]:
    return [action.verb for action in actions]


@given(pods, runners)
def test_a_latched_runner_is_never_touched_while_its_container_runs_unless_it_is_abandoned_or_over(
    pod: PodState, runner: RunnerState
) -> None:
    if pod.latched and pod.stage not in ENDED:
        done = set(verbs(decide(pod, runner)))
        assert not {Verb.CORDON, Verb.REMOVE} & done
        assert Verb.DELETE_POD not in done or (runner.abandoned and runner.standing is ABSENT)
        assert Verb.END_POD not in done or (runner.over and runner.standing is ABSENT)


@given(st.one_of(st.none(), pods), runners)
def test_a_runner_with_a_job_is_never_cordoned_or_removed(pod: PodState | None, runner: RunnerState) -> None:
    if runner.standing is BUSY:
        assert not {Verb.CORDON, Verb.REMOVE} & set(verbs(decide(pod, runner)))


@given(st.one_of(st.none(), pods), runners)
def test_nothing_is_done_while_the_forge_is_unknown(pod: PodState | None, runner: RunnerState) -> None:
    if runner.standing is UNKNOWN:
        assert set(verbs(decide(pod, runner))) <= {Verb.REPORT}


@given(st.one_of(st.none(), pods), runners)
def test_nothing_is_removed_that_was_not_cordoned_before(pod: PodState | None, runner: RunnerState) -> None:
    done = verbs(decide(pod, runner))
    if Verb.REMOVE in done:
        assert runner.cordoned or Verb.CORDON in done[: done.index(Verb.REMOVE)]


@given(pods, runners)
def test_a_live_runner_is_removed_only_after_its_cordon_has_settled(pod: PodState, runner: RunnerState) -> None:
    if pod.stage not in ENDED and Verb.REMOVE in verbs(decide(pod, runner)):
        assert runner.cordoned
        assert runner.settled


@given(pods, runners)
def test_the_gate_is_only_ever_opened_and_only_once(pod: PodState, runner: RunnerState) -> None:
    done = verbs(decide(pod, runner))
    assert done.count(Verb.SET_GATE) <= (0 if pod.gated else 1)
    if Verb.SET_GATE in done:
        assert pod.latched or runner.standing in (IDLE, ACTIVE, BUSY)


@given(runners)
def test_no_ghost_is_touched_unless_its_namespaces_were_listed_in_this_cycle(runner: RunnerState) -> None:
    if not (runner.namespaces_listed and runner.gone_too_long and runner.standing is OFFLINE):
        assert decide(None, runner) == ()


@given(pods, runners)
def test_a_pod_that_is_being_deleted_is_not_deleted_again(pod: PodState, runner: RunnerState) -> None:
    if pod.stage in (Stage.TERMINATING, *WAITING) or (pod.stage in ENDED and pod.deleting):
        assert Verb.DELETE_POD not in verbs(decide(pod, runner))


@given(st.one_of(st.none(), pods), runners)
def test_every_action_says_why(pod: PodState | None, runner: RunnerState) -> None:
    for action in decide(pod, runner):
        assert action.reason
        assert action.message


@given(pods, runners)
def test_a_decision_is_final_where_it_deletes(pod: PodState, runner: RunnerState) -> None:
    done = verbs(decide(pod, runner))
    if Verb.DELETE_POD in done and pod.stage in ENDED:
        assert done[-1] is Verb.DELETE_POD


def test_a_latch_holds_the_jobs_id_and_one_without_it_says_so() -> None:
    (named,) = decide(a_pod(Stage.RUNNING), a_runner(BUSY))
    assert (named.job_id, named.message) == ("7", "the runner has job 7")
    (unnamed,) = decide(a_pod(Stage.RUNNING), a_runner(ACTIVE))
    assert (unnamed.job_id, unnamed.message) == (None, "the runner has a job that the forge does not name")


def test_what_people_read_is_what_was_found() -> None:
    said = {
        "the forge answers 503": decide(a_pod(Stage.STARTING), a_runner(UNKNOWN)),
        "the runner is idle": decide(a_pod(Stage.STARTING), a_runner(IDLE)),
        "come online in time (offline": decide(a_pod(Stage.STARTING, overdue=True), a_runner(OFFLINE)),
        "has been absent at the forge": decide(a_pod(Stage.RUNNING), a_runner(ABSENT, gone_too_long=True)),
        "no job of it goes on": decide(a_pod(Stage.RUNNING, latched=True), a_runner(ABSENT, abandoned=True)),
        "would go on for nobody": decide(a_pod(Stage.RUNNING, latched=True), a_runner(ABSENT, over=True)),
        "its pod is being deleted": decide(a_pod(Stage.TERMINATING), a_runner(IDLE)),
        "its container has ended": decide(a_pod(Stage.FAILED), a_runner(OFFLINE))[:2],
        "exit code 127": decide(a_pod(Stage.FAILED, text="exit code 127"), a_runner(ABSENT)),
        "no pod has this runner": decide(None, a_runner(OFFLINE, gone_too_long=True)),
        "pulling for too long: no cause is given": decide(a_pod(Stage.PULLING, overdue=True, text=""), a_runner(IDLE)),
    }
    for words, actions in said.items():
        assert actions, words
        assert all(words in action.message for action in actions)
