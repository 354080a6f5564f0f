"""What to do about one pod and its runner: a pure function of both, and the only place where that is decided.

| pod | runner at the forge | decision |
|---|---|---|
| scheduling, pulling, initializing | any | wait; past the deadline report why |
| starting | online or busy | gate; busy: latch as well |
| starting, overdue, not latched | offline | cordon, let it settle, remove, delete the pod |
| starting, overdue, not latched | absent | delete the pod |
| starting, running | busy, first time | latch |
| running, not latched | offline or absent for too long | delete the pod |
| starting, running, latched | offline, absent, idle | leave alone (the gate is owed if it is not true yet) |
| starting, running, latched | abandoned: absent for far too long, without a job | delete the pod (preStop waits) |
| starting, running, terminating, latched | over: absent for too long, and its job has ended | end the pod in seconds |
| terminating, not latched | idle, offline | cordon, let it settle, remove |
| terminating, not latched | busy | latch: from now on it is left alone |
| terminating, latched | any other | leave alone |
| completed, failed | any | cordon and remove what is left, then sweep or keep the pod (see below) |
| none | offline for too long, namespaces listed | cordon, let it settle, remove the ghost |
| any | unknown | change nothing, say so |
| any live | labels or kind differ from what was issued | report |

A job that the forge still calls in progress keeps its runner even after the container has ended, until the ghost rule
takes it: so no removal ever meets a job.

It never asks a clock or a network: ages come in as facts that are already judged.
"""

from dataclasses import dataclass
from enum import Enum

from registrar.pods import ENDED, WAITING, Stage
from values import contract

REGISTRATION_DRIFT = "RegistrationDrift"


class Standing(Enum):
    """How a runner stands at the forge."""

    UNKNOWN = "unknown"  # the forge gave no answer in this cycle
    ABSENT = "absent"  # no such registration, confirmed by its id
    OFFLINE = "offline"
    IDLE = "idle"  # online, no sign of a job
    ACTIVE = "active"  # flagged busy while no job names it: it has had a job a moment ago
    BUSY = "busy"  # a job in progress names it, whatever the list says


ONLINE = frozenset({Standing.IDLE, Standing.ACTIVE, Standing.BUSY})
WORKING = frozenset({Standing.ACTIVE, Standing.BUSY})


@dataclass(frozen=True, kw_only=True)
class PodState:
    """What decides about a pod."""

    stage: Stage
    latched: bool
    gated: bool
    deleting: bool
    stopped: bool  # it ended because it was deleted
    overdue: bool  # the deadline of its stage has passed
    done: bool  # ended, and the forge has the conclusion of its job
    kept: bool  # ended, and to be kept for its logs
    names_job: bool  # the latch holds the job's id, not just the fact
    text: str  # for people: why it waits, or how it ended


@dataclass(frozen=True, kw_only=True)
class RunnerState:
    """What decides about a runner."""

    standing: Standing
    cordoned: bool
    settled: bool  # cordoned long enough that no job can be on its way to it any more
    gone_too_long: bool  # offline or absent for longer than the forge's own timeout (of a ghost: than its zombie time)
    namespaces_listed: bool  # every namespace of the scope was listed afresh in this very cycle
    abandoned: bool  # confirmed absent for far too long, and no job of this runner goes on at the forge
    over: bool  # confirmed absent for too long, and the forge has ended this runner's job
    job_id: str | None
    drift: str  # "" or how the registration differs from what was issued
    text: str  # for people: why the forge gave no answer; "" where it just was not asked about this runner yet


class Verb(Enum):
    """Everything the loop can do. REPORT does nothing but tell."""

    SET_GATE = "set gate"
    LATCH = "latch"
    CORDON = "cordon"
    REMOVE = "remove"
    DELETE_POD = "delete pod"
    END_POD = "end pod"  # delete it, with seconds to end whatever it does
    REPORT = "report"


@dataclass(frozen=True, kw_only=True)
class Action:
    """One thing to do, in order; each becomes an Event with `reason` and `message`."""

    verb: Verb
    reason: str
    message: str
    job_id: str | None = None


def decide(pod: PodState | None, runner: RunnerState) -> tuple[Action, ...]:
    """The actions for one pod and its runner; pod None: a runner of ours whose pod is gone."""
    if pod is None:
        return _without_pod(runner)
    if pod.stage in WAITING:
        return _waiting(pod)
    if runner.standing is Standing.UNKNOWN:
        return _unknown(pod, runner)
    if pod.stage in ENDED:
        return _ended(pod, runner)
    if pod.stage is Stage.TERMINATING:
        return _terminating(pod, runner)
    return _live(pod, runner)


def _waiting(pod: PodState) -> tuple[Action, ...]:
    if not pod.overdue:
        return ()
    return (_report(contract.POOL_WAITING, f"{pod.stage.value} for too long: {pod.text or 'no cause is given'}"),)


def _unknown(pod: PodState, runner: RunnerState) -> tuple[Action, ...]:
    # Only the pods that wait for a decision are told that none is made.
    if not runner.text or pod.latched or pod.stage not in (Stage.STARTING, Stage.TERMINATING):
        return ()
    return (_report(contract.FORGE_UNKNOWN, f"the forge gives no usable answer, nothing is changed: {runner.text}"),)


def _live(pod: PodState, runner: RunnerState) -> tuple[Action, ...]:
    actions: list[Action] = []
    retiring = pod.overdue and runner.cordoned and not pod.gated and not pod.latched
    if not pod.gated and (
        pod.latched or runner.standing in WORKING or (runner.standing is Standing.IDLE and not retiring)
    ):
        actions.append(
            _act(Verb.SET_GATE, contract.RUNNER_ONLINE, f"the runner is {runner.standing.value} at the forge")
        )
    if runner.standing in WORKING:
        actions.extend(_latch(pod, runner))
    elif _is_over(pod, runner):
        actions.append(_end())
    elif pod.latched and runner.standing is Standing.ABSENT and runner.abandoned:
        lost = "its registration is gone for too long and no job of it goes on at the forge"
        actions.append(_act(Verb.DELETE_POD, contract.RUNNER_LOST, f"{lost}; it would never end by itself"))
    elif not pod.latched and not actions:
        actions.extend(_not_working(pod, runner))
    if runner.drift and runner.standing in ONLINE:
        actions.append(_report(REGISTRATION_DRIFT, runner.drift))
    return tuple(actions)


def _not_working(pod: PodState, runner: RunnerState) -> list[Action]:
    """A live pod that never had a job, and nothing says that it has one now."""
    if pod.gated:
        if runner.standing in (Standing.OFFLINE, Standing.ABSENT) and runner.gone_too_long:
            lost = f"the idle runner has been {runner.standing.value} at the forge for too long"
            return [_act(Verb.DELETE_POD, contract.RUNNER_LOST, f"{lost}; it would never end by itself")]
        return []
    if not pod.overdue:
        return []
    late = f"the runner did not come online in time ({runner.standing.value} at the forge)"
    delete = _act(Verb.DELETE_POD, contract.NOT_ONLINE, late)
    if runner.standing is Standing.ABSENT:
        return [delete]
    retire = _retire(runner, late)
    return [*retire, delete] if retire and retire[-1].verb is Verb.REMOVE else retire


def _is_over(pod: PodState, runner: RunnerState) -> bool:
    return pod.latched and runner.standing is Standing.ABSENT and runner.over


def _end() -> Action:
    ended = "the forge has ended its job and its registration, as Gitea does where a job is cancelled"
    return _act(Verb.END_POD, contract.RUNNER_LOST, f"{ended}; it does not hear of that, and would go on for nobody")


def _terminating(pod: PodState, runner: RunnerState) -> tuple[Action, ...]:
    if _is_over(pod, runner):
        return (_end(),)
    if pod.latched or runner.standing is Standing.ABSENT:
        return ()
    if runner.standing in WORKING:
        return tuple(_latch(pod, runner))
    return tuple(_retire(runner, "its pod is being deleted and it has no job"))


def _ended(pod: PodState, runner: RunnerState) -> tuple[Action, ...]:
    actions: list[Action] = []
    if runner.standing in (Standing.OFFLINE, Standing.IDLE, Standing.ACTIVE):
        why = "its container has ended"
        if not runner.cordoned:
            actions.append(_act(Verb.CORDON, contract.RUNNER_CORDONED, why))
        actions.append(_act(Verb.REMOVE, contract.REGISTRATION_REMOVED, why))
    sweep = not pod.kept and not pod.deleting
    actions.append(_act(Verb.DELETE_POD if sweep else Verb.REPORT, _ending(pod), pod.text))
    return tuple(actions)


def _ending(pod: PodState) -> str:
    if pod.done:
        return contract.RUNNER_COMPLETED
    left = pod.deleting and not pod.latched and (pod.stage is Stage.COMPLETED or pod.stopped)
    return contract.RUNNER_LEFT if left else contract.RUNNER_FAILED


def _without_pod(runner: RunnerState) -> tuple[Action, ...]:
    ghost = runner.standing is Standing.OFFLINE and runner.gone_too_long and runner.namespaces_listed
    if not ghost:
        return ()
    return tuple(_retire(runner, "no pod has this runner and it has been offline for too long", contract.GHOST_REMOVED))


def _retire(runner: RunnerState, why: str, reason: str = contract.REGISTRATION_REMOVED) -> list[Action]:
    """First cordon; only a later look that finds it cordoned and without a job may remove."""
    if not runner.cordoned:
        return [_act(Verb.CORDON, contract.RUNNER_CORDONED, why)]
    return [_act(Verb.REMOVE, reason, why)] if runner.settled else []


def _latch(pod: PodState, runner: RunnerState) -> list[Action]:
    if pod.latched and (pod.names_job or runner.job_id is None):
        return []
    job = f"job {runner.job_id}" if runner.job_id else "a job that the forge does not name"
    return [_act(Verb.LATCH, contract.JOB_STARTED, f"the runner has {job}", job_id=runner.job_id)]


def _act(verb: Verb, reason: str, message: str, *, job_id: str | None = None) -> Action:
    return Action(verb=verb, reason=reason, message=message, job_id=job_id)


def _report(reason: str, message: str) -> Action:
    return _act(Verb.REPORT, reason, message)
