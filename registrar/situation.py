"""Judges ages against deadlines and words a pod's and a runner's state for the decision. Pure."""

from functools import lru_cache

from registrar.decisions import PodState, RunnerState, Standing
from registrar.forge_view import ForgeView
from registrar.forges.forge import Runner
from registrar.outcomes import Outcome
from registrar.pods import ENDED, RunnerPod, Stage
from values import contract
from values.deadlines import Deadlines
from values.runner_label import folded

# Between the forge's answer to a cordon and a removal: a job that was being handed out at that moment shows up by then.
SETTLE_SECONDS = 1.0


def deadline_of(stage: Stage, deadlines: Deadlines) -> float | None:
    """Seconds a pod may stay in a stage, None for a stage without a limit."""
    if stage is Stage.SCHEDULING:
        return deadlines.schedule_seconds
    if stage is Stage.PULLING:
        return deadlines.pull_seconds
    return deadlines.online_seconds if stage in (Stage.INITIALIZING, Stage.STARTING) else None


def pod_state(
    pod: RunnerPod, *, deadlines: Deadlines, now: float, braked: str, outcome: Outcome | None, kept: bool
) -> PodState:
    """The pod's side of a decision. `now` is Unix time, `braked` the brake's words or ""."""
    limit = deadline_of(pod.stage, deadlines)
    text = outcome.text if outcome else (braked if pod.stage is Stage.INITIALIZING and braked else pod.cause)
    return PodState(
        stage=pod.stage,
        latched=pod.busy is not None,
        gated=pod.gated,
        deleting=pod.deleting,
        stopped=pod.was_stopped,
        overdue=limit is not None and now - pod.since > limit,
        done=outcome is not None and outcome.done,
        kept=kept,
        names_job=pod.busy not in (None, contract.BUSY_WITH_UNKNOWN_JOB),
        text=text,
    )


def standing_of(pod: RunnerPod, runner: Runner | None, view: ForgeView) -> Standing:
    """How the pod's own runner stands. A registration that nobody looked for in this cycle is unknown, not absent."""
    if not view.known:
        return Standing.UNKNOWN
    if not view.jobs_known:
        return _standing_without_jobs(pod, runner)
    if runner is not None:
        return standing(runner, view)
    if pod.runner_id in view.runners:
        return Standing.ABSENT  # its annotation names somebody else's runner
    job = view.jobs.get(pod.runner_id) if pod.runner_id is not None else None
    if job is not None and job.runner_name in ("", pod.name):
        return Standing.BUSY
    left_alone = pod.busy is not None and pod.stage not in ENDED  # whatever the forge says, so it is seldom asked
    unsure = pod.runner_id is not None and pod.runner_id not in view.absent and not left_alone
    return Standing.UNKNOWN if unsure else Standing.ABSENT


def _standing_without_jobs(pod: RunnerPod, runner: Runner | None) -> Standing:
    """Gates come from runners alone, and a runner that the forge calls busy is left alone; the rest waits for jobs."""
    if runner is None or runner.cordoned or pod.stage in ENDED:
        return Standing.UNKNOWN
    if runner.busy:
        return Standing.ACTIVE
    is_owed = pod.stage in (Stage.STARTING, Stage.RUNNING) and not pod.gated
    return Standing.IDLE if runner.online and is_owed else Standing.UNKNOWN


def standing(runner: Runner, view: ForgeView) -> Standing:
    """How a listed runner stands."""
    if runner.id in view.jobs:
        return Standing.BUSY
    if runner.busy:
        return Standing.ACTIVE
    return Standing.IDLE if runner.online else Standing.OFFLINE


def runner_state(
    runner: Runner | None,
    now_standing: Standing,
    view: ForgeView,
    *,
    unseen_seconds: float,
    unseen_limit: float,
    cordoned_seconds: float,
    drift: str = "",
    namespaces_listed: bool = False,
    abandoned: bool = False,
    over: bool = False,
    runner_id: int | None = None,
) -> RunnerState:
    """The runner's side of a decision."""
    known_id = runner.id if runner else runner_id
    job = view.jobs.get(known_id) if known_id is not None else None
    return RunnerState(
        standing=now_standing,
        cordoned=runner is not None and runner.cordoned,
        settled=cordoned_seconds >= SETTLE_SECONDS,
        gone_too_long=unseen_seconds > unseen_limit,
        namespaces_listed=namespaces_listed,
        abandoned=abandoned,
        over=over,
        job_id=job.id if job else None,
        drift=drift,
        text=view.problem,
    )


def drift_of(pod: RunnerPod, runner: Runner | None, group: str | None) -> str:
    """How a live runner's registration differs from what was issued to its pod, "" if it does not.

    `group` is the grant's runner group, None for the forge's default one.
    """
    if runner is None:
        return ""
    problems = []
    declared = frozenset(pod.runner_labels)
    if _differ(declared, runner.labels, runner.given_labels):
        actual = ",".join(sorted(runner.labels))
        problems.append(f"labels are {actual!r}, declared {','.join(sorted(declared))!r}")
    if runner.groups and group not in runner.groups:
        actual = ", ".join(sorted(name for name in runner.groups if name))
        problems.append(f"its runner group is {actual!r}, declared {group or 'the default one'!r}")
    if not runner.ephemeral:
        problems.append("the runner is not single-use")
    if runner.cordoned and pod.stage is Stage.RUNNING and pod.busy is None:
        problems.append("somebody cordoned the runner at the forge: it will get no job")
    return "; ".join(problems)


@lru_cache(maxsize=2000)
def _differ(declared: frozenset[str], actual: frozenset[str], given: frozenset[str]) -> bool:
    """Whether a runner's labels are others than its pod's; `given` by the forge, whatever was asked for.

    Of a pool's pods all have the same, and each of hundreds is judged every few seconds.
    """
    return folded(actual) - (folded(given) - folded(declared)) != folded(declared)


def report_of(pod: RunnerPod, runner: Runner | None, group: str | None) -> str:
    """What an Event says about a live runner: its drift, and what the forge will soon no longer accept about it."""
    warning = runner.warning if runner else ""
    return "; ".join(filter(None, (drift_of(pod, runner, group), warning)))
