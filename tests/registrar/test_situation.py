"""How a pod and its runner are worded for the decision: every standing, every age against its own deadline."""

from dataclasses import replace

import pytest

from registrar.decisions import PodState, Standing
from registrar.forge_view import ForgeView
from registrar.forges.forge import Job, Runner
from registrar.outcomes import Outcome
from registrar.pods import ENDED, Ended, RunnerPod, Stage
from registrar.situation import (
    SETTLE_SECONDS,
    deadline_of,
    drift_of,
    pod_state,
    report_of,
    runner_state,
    standing,
    standing_of,
)
from tests.registrar.test_brake import ended_pod
from values import contract
from values.deadlines import Deadlines

UNKNOWN, ABSENT, OFFLINE, IDLE, ACTIVE, BUSY = Standing
DEADLINES = Deadlines(schedule_seconds=10, pull_seconds=20, online_seconds=30, lost_seconds=40, ghost_seconds=50)
LIMITS = {
    Stage.SCHEDULING: 10, Stage.PULLING: 20, Stage.INITIALIZING: 30, Stage.STARTING: 30, Stage.RUNNING: None,
    Stage.TERMINATING: None, Stage.COMPLETED: None, Stage.FAILED: None,
}  # fmt: skip


def a_pod(stage: Stage = Stage.RUNNING, **changes: object) -> RunnerPod:
    pod = replace(ended_pod("cuda-abc-aaaaa", at=1000.0), stage=stage, gated=stage is Stage.RUNNING, ended=None)
    return replace(pod, **changes)  # type: ignore[arg-type]


def a_runner(**changes: object) -> Runner:
    facts: dict[str, object] = {
        "id": 1, "name": "cuda-abc-aaaaa", "online": True, "busy": False, "cordoned": False, "ephemeral": True,
        "labels": frozenset({"cml-gpu"}),
    }  # fmt: skip
    return Runner(**{**facts, **changes})  # type: ignore[arg-type]


def a_job(runner_id: int = 1, runner_name: str = "") -> Job:
    return Job(
        id="7", name="train", labels=frozenset(), runner_id=runner_id, in_progress=True, conclusion="",
        runner_name=runner_name,
    )  # fmt: skip


def a_view(*runners: Runner, job: Job | None = None, **changes: object) -> ForgeView:
    jobs = {} if job is None or job.runner_id is None else {job.runner_id: job}
    view = ForgeView(known=True, runners={runner.id: runner for runner in runners}, jobs=jobs)
    return replace(view, **changes)  # type: ignore[arg-type]


def state_of(pod: RunnerPod, now: float = 1000.0, braked: str = "", outcome: Outcome | None = None) -> PodState:
    return pod_state(pod, deadlines=DEADLINES, now=now, braked=braked, outcome=outcome, kept=False)


@pytest.mark.parametrize("stage", Stage)
def test_each_stage_has_its_own_deadline_and_is_overdue_only_when_that_has_passed(stage: Stage) -> None:
    limit = LIMITS[stage]
    assert deadline_of(stage, DEADLINES) == limit
    for seconds, overdue in ((0, False), (limit or 0, False), ((limit or 0) + 1, limit is not None)):
        assert state_of(a_pod(stage), now=1000.0 + seconds).overdue is overdue


def test_a_pod_is_latched_by_any_job_and_names_only_one_that_the_forge_named() -> None:
    latches = {None: (False, False), "7": (True, True), contract.BUSY_WITH_UNKNOWN_JOB: (True, False)}
    for busy, expected in latches.items():
        state = state_of(a_pod(busy=busy))
        assert (state.latched, state.names_job) == expected


def test_what_is_told_of_a_pod_is_its_outcome_or_its_brake_or_its_own_cause() -> None:
    outcome = Outcome(done=True, had_job=True, text="success")
    ended = state_of(a_pod(Stage.COMPLETED, cause="gone"), outcome=outcome)
    assert (ended.done, ended.text) == (True, "success")
    assert state_of(a_pod(Stage.INITIALIZING, cause="waits"), braked="held back").text == "held back"
    assert state_of(a_pod(Stage.INITIALIZING, cause="waits")).text == "waits"
    assert state_of(a_pod(Stage.SCHEDULING, cause="no node"), braked="held back").text == "no node"
    assert not state_of(a_pod(Stage.COMPLETED)).done


def test_what_the_pod_says_of_itself_is_handed_on() -> None:
    state = pod_state(
        a_pod(Stage.FAILED, deleting=True), deadlines=DEADLINES, now=1000.0, braked="", outcome=None, kept=True
    )
    assert (state.stage, state.deleting, state.gated, state.kept) == (Stage.FAILED, True, False, True)
    running = state_of(a_pod(Stage.RUNNING))
    assert (running.deleting, running.gated, running.kept) == (False, True, False)


@pytest.mark.parametrize(
    ("exit_code", "reason", "deleting", "stopped"),
    [
        (None, "", True, True),  # before its container began
        (None, "UnexpectedAdmissionError", True, False),  # turned away by the node, and swept
        (None, "", False, False),
        (143, "Error", True, True),  # as GitHub's runner answers SIGTERM
        (143, "Evicted", True, False),
        (143, "Error", False, False),
        (137, "OOMKilled", True, False),
        (1, "Error", True, False),
    ],
)
def test_a_runner_was_stopped_where_its_deletion_alone_ended_it(
    exit_code: int | None, reason: str, deleting: bool, stopped: bool
) -> None:
    ended = Ended(exit_code=exit_code, reason=reason, message="", ran_seconds=7.0, at=1000.0)
    assert state_of(a_pod(Stage.FAILED, ended=ended, deleting=deleting)).stopped is stopped


@pytest.mark.parametrize(
    ("runner", "job", "expected"),
    [
        (a_runner(), None, IDLE),
        (a_runner(online=False), None, OFFLINE),
        (a_runner(busy=True), None, ACTIVE),
        (a_runner(online=False, busy=True), None, ACTIVE),
        (a_runner(online=False), a_job(), BUSY),
        (a_runner(), a_job(runner_id=2), IDLE),
    ],
)
def test_a_job_says_more_than_a_flag_and_a_flag_more_than_the_connection(
    runner: Runner, job: Job | None, expected: Standing
) -> None:
    view = a_view(runner, job=job)
    assert standing(runner, view) is expected
    assert standing_of(a_pod(runner_id=1), runner, view) is expected


def test_nothing_is_said_of_a_runner_while_the_forge_gives_no_answer() -> None:
    view = ForgeView(known=False, runners={1: a_runner()})
    assert standing_of(a_pod(runner_id=1), a_runner(), view) is UNKNOWN


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("busy", [None, "7"])
@pytest.mark.parametrize("was_looked_for", [False, True])
def test_a_registration_is_absent_only_where_it_was_looked_for_or_nobody_needs_to_look(
    stage: Stage, busy: str | None, was_looked_for: bool
) -> None:
    view = a_view(absent=frozenset({1}) if was_looked_for else frozenset())
    is_sure = was_looked_for or (busy is not None and stage not in ENDED)
    assert standing_of(a_pod(stage, busy=busy, runner_id=1), None, view) is (ABSENT if is_sure else UNKNOWN)


def test_a_pod_that_never_had_a_registration_has_none() -> None:
    assert standing_of(a_pod(runner_id=None), None, a_view(job=a_job())) is ABSENT


def test_a_pod_whose_annotation_names_anothers_runner_has_none_whatever_that_one_does() -> None:
    stranger = a_runner(name="victim-abc-aaaaa")
    assert standing_of(a_pod(runner_id=1), None, a_view(stranger, job=a_job())) is ABSENT


@pytest.mark.parametrize(("name", "expected"), [("", BUSY), ("cuda-abc-aaaaa", BUSY), ("victim-abc-aaaaa", UNKNOWN)])
def test_a_job_of_a_runner_that_is_not_listed_counts_unless_another_runner_has_it(
    name: str, expected: Standing
) -> None:
    assert standing_of(a_pod(runner_id=1), None, a_view(job=a_job(runner_name=name))) is expected


WITHOUT_JOBS: list[tuple[RunnerPod, Runner | None, Standing]] = [
    (a_pod(Stage.STARTING), None, UNKNOWN),
    (a_pod(Stage.STARTING), a_runner(), IDLE),
    (a_pod(Stage.RUNNING, gated=False), a_runner(), IDLE),
    (a_pod(Stage.STARTING), a_runner(online=False), UNKNOWN),
    (a_pod(Stage.STARTING), a_runner(cordoned=True), UNKNOWN),
    (a_pod(Stage.STARTING, gated=True), a_runner(), UNKNOWN),
    (a_pod(Stage.RUNNING), a_runner(), UNKNOWN),
    (a_pod(Stage.TERMINATING), a_runner(), UNKNOWN),
    (a_pod(Stage.TERMINATING), a_runner(busy=True), ACTIVE),
    (a_pod(Stage.COMPLETED), a_runner(busy=True), UNKNOWN),
    (a_pod(Stage.RUNNING), a_runner(busy=True, cordoned=True), UNKNOWN),
]


@pytest.mark.parametrize(("pod", "runner", "expected"), WITHOUT_JOBS, ids=range(len(WITHOUT_JOBS)))
def test_while_the_forge_tells_no_jobs_a_gate_is_opened_and_nobody_is_called_idle_who_could_be_removed(
    pod: RunnerPod, runner: Runner | None, expected: Standing
) -> None:
    view = a_view(*filter(None, [runner]), jobs_known=False)
    assert standing_of(pod, runner, view) is expected


def test_a_cordon_has_settled_after_a_second_and_a_runner_is_gone_for_too_long_only_past_the_limit() -> None:
    view = a_view(problem="what the forge said")
    for cordoned, unseen, expected in ((0.9, 40.0, (False, False)), (SETTLE_SECONDS, 40.1, (True, True))):
        state = runner_state(
            a_runner(), IDLE, view, unseen_seconds=unseen, unseen_limit=40.0, cordoned_seconds=cordoned
        )
        assert (state.settled, state.gone_too_long) == expected
        assert state.text == "what the forge said"
    assert SETTLE_SECONDS >= 1.0


def test_a_runners_state_is_that_of_the_forge_and_grants_nothing_by_default() -> None:
    view = a_view(job=a_job())
    bare = runner_state(None, ABSENT, view, unseen_seconds=0, unseen_limit=1, cordoned_seconds=0)
    assert (bare.standing, bare.cordoned, bare.job_id) == (ABSENT, False, None)
    assert (bare.namespaces_listed, bare.abandoned, bare.over, bare.drift) == (False, False, False, "")
    whole = runner_state(
        a_runner(cordoned=True), BUSY, view, unseen_seconds=0, unseen_limit=1, cordoned_seconds=0, drift="labels",
        namespaces_listed=True, abandoned=True, over=True,
    )  # fmt: skip
    assert (whole.standing, whole.cordoned, whole.job_id) == (BUSY, True, "7")
    assert (whole.namespaces_listed, whole.abandoned, whole.over, whole.drift) == (True, True, True, "labels")
    unlisted = runner_state(None, BUSY, view, unseen_seconds=0, unseen_limit=1, cordoned_seconds=0, runner_id=1)
    assert unlisted.job_id == "7"


DRIFTS: list[tuple[str, dict[str, object], dict[str, object], str | None, str]] = [
    ("as issued", {}, {}, None, ""),
    ("in another case", {}, {"labels": frozenset({"CML-GPU"})}, None, ""),
    ("another label", {}, {"labels": frozenset({"b", "a"})}, None, "labels are 'a,b', declared 'cml-gpu'"),
    ("given ones are the forge's affair", {},
     {"labels": frozenset({"cml-gpu", "self-hosted"}), "given_labels": frozenset({"self-hosted"})}, None, ""),
    ("a given one that was declared must be there", {"runner_labels": ("cml-gpu", "self-hosted")},
     {"given_labels": frozenset({"self-hosted"})}, None, "labels are 'cml-gpu', declared 'cml-gpu,self-hosted'"),
    ("its group", {}, {"groups": frozenset({"gpu"})}, "gpu", ""),
    ("the default group", {}, {"groups": frozenset({None, "Default"})}, None, ""),
    ("another group", {}, {"groups": frozenset({"b", "a", None})}, "gpu",
     "its runner group is 'a, b', declared 'gpu'"),
    ("another than the default", {}, {"groups": frozenset({"gpu"})}, None,
     "its runner group is 'gpu', declared 'the default one'"),
    ("a forge without groups", {}, {"groups": frozenset()}, "gpu", ""),
    ("not single-use", {}, {"ephemeral": False}, None, "the runner is not single-use"),
    ("cordoned by hand", {}, {"cordoned": True}, None,
     "somebody cordoned the runner at the forge: it will get no job"),
    ("cordoned with a job", {"busy": "7"}, {"cordoned": True}, None, ""),
    ("cordoned as it leaves", {"stage": Stage.TERMINATING}, {"cordoned": True}, None, ""),
    ("two things", {}, {"labels": frozenset({"x"}), "ephemeral": False}, None,
     "labels are 'x', declared 'cml-gpu'; the runner is not single-use"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "pod", "runner", "group", "expected"), DRIFTS, ids=[case[0] for case in DRIFTS])
def test_what_differs_from_what_was_issued_is_named(
    what: str, pod: dict[str, object], runner: dict[str, object], group: str | None, expected: str
) -> None:
    assert drift_of(a_pod(**pod), a_runner(**runner), group) == expected  # type: ignore[arg-type]


def test_an_event_tells_the_drift_and_what_the_forge_will_refuse_soon() -> None:
    assert report_of(a_pod(), None, None) == drift_of(a_pod(), None, None) == ""
    warning = "set runnerImage to a newer version"
    assert report_of(a_pod(), a_runner(warning=warning), None) == warning
    both = report_of(a_pod(), a_runner(warning=warning, ephemeral=False), None)
    assert both == f"the runner is not single-use; {warning}"
