"""Loss: a job that ended, or will end, without its own doing. Pure.

Its runner is gone and never reported its result; or it was told to stop with its pod and reported the job as cancelled,
as if somebody had cancelled it. Whether somebody has, no forge tells: what is told is what became of the pod, where
that was at the moment of the cancellation.

What is said of it at the forge is made of our own sentences, whole numbers and the runner's name: nothing that a pod, a
job or a node wrote goes there.
"""

from dataclasses import dataclass
from typing import Final

from registrar.forges.forge import Job
from registrar.pods import Ended, RunnerPod

ITS_OWN: Final = frozenset({"success", "skipped", "neutral"})  # conclusions of a job whose result came after all
# The forge concludes a lost job when it has waited for its runner: ten minutes, at both forges. A job's own conclusion
# is there before its runner ends, so what lies between them is the difference of two clocks.
SKEW_SECONDS: Final = 30.0
CANCELLED: Final = "cancelled"  # what a runner reports of its job that is told to stop
STOPPED_SECONDS: Final = 60.0  # from a pod's forced end until its runner has reported that; most have 30 s, or 2
KILLED_EXIT_CODE: Final = 137
REASONS: Final = {
    "OOMKilled": "it was killed because it used more memory than its pool gives it",
    "Evicted": "its node evicted it",
    "Preempting": "a pod of a higher priority took its place",
    "NodeShutdown": "its node was shut down",
    "Terminated": "its node was shut down",
    "NodeLost": "its node was lost",
    "NodeAffinity": "its node no longer fitted",
    "ContainerStatusUnknown": "its node lost it",
    "UnexpectedAdmissionError": "its node refused it",
}
ENDED_BY_NODE: Final = frozenset({"Evicted", "Preempting", "NodeShutdown", "Terminated", "NodeAffinity"})
EDGE_SECONDS: Final = 2.0  # node and API server write whole seconds, each by its own clock
DELETED: Final = "its pod was deleted, and did not get the time that the job needed"
NOT_HEARD_OF: Final = "was not heard of any more: its pod, its node or its network is gone"


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A lost job and its runner. why: sentences for people at the forge. namespace: whose environment it ran in.

    is_certain: the runner has ended; else it is silent, and may come back.
    """

    job_id: str
    runner_id: int
    runner_name: str
    namespace: str
    why: str
    is_certain: bool


def loss_of(pod: RunnerPod, job: Job | None) -> Loss | None:
    """What was lost with an ended pod's runner, None where nothing was.

    Only a job that the forge itself gives to a runner of this pod's name counts, whatever the pod says.
    """
    if job is None or pod.ended is None or not _is_of(job, pod) or job.conclusion in ITS_OWN:
        return None
    if pod.ended.reason in ENDED_BY_NODE and _is_cancelled(job, pod.ended.at):
        return _cut_short(job, pod, REASONS[pod.ended.reason])
    if pod.killed_at is not None and pod.ended.at >= pod.killed_at - EDGE_SECONDS and _is_cancelled(job, pod.killed_at):
        return _cut_short(job, pod, DELETED)
    if job.conclusion and (job.completed is None or job.completed <= pod.ended.at + SKEW_SECONDS):
        return None
    why = f"The runner {pod.name} ended before it could report the result: {_how(pod.ended)}."
    return _loss(job, pod.name, pod.namespace, why, is_certain=True)


def loss_of_departed(pod: RunnerPod, job: Job | None, gone_at: float) -> Loss | None:
    """The same of a pod that is gone since then (Unix time).

    Where its runner had not ended, it was deleted by force: it is told to stop while nobody looks any more.
    """
    if pod.ended is not None:
        return loss_of(pod, job)
    return _cut_short(job, pod, DELETED) if job and _is_of(job, pod) and _is_cancelled(job, gone_at) else None


def silence_of(job: Job, runner_name: str, namespace: str) -> Loss:
    """A job that goes on at the forge while its runner has been silent for too long."""
    return _loss(job, runner_name, namespace, f"The runner {runner_name} {NOT_HEARD_OF}.", is_certain=False)


def _is_of(job: Job, pod: RunnerPod) -> bool:
    return pod.runner_id is not None and job.runner_id == pod.runner_id and job.runner_name == pod.name


def _is_cancelled(job: Job, at: float) -> bool:
    """Whether it was reported as cancelled when its runner was told to stop, at about this time."""
    if job.conclusion != CANCELLED or job.completed is None:
        return False
    return at - SKEW_SECONDS <= job.completed <= at + STOPPED_SECONDS


def _cut_short(job: Job, pod: RunnerPod, cause: str) -> Loss:
    why = f"The runner {pod.name} was ended before its job was over: {cause}. It reported the job as cancelled."
    return _loss(job, pod.name, pod.namespace, why, is_certain=True)


def _loss(job: Job, runner_name: str, namespace: str, why: str, *, is_certain: bool) -> Loss:
    return Loss(
        job_id=job.id, runner_id=job.runner_id or 0, runner_name=runner_name, namespace=namespace, why=why,
        is_certain=is_certain,
    )  # fmt: skip


def _how(ended: Ended) -> str:
    known = REASONS.get(ended.reason)
    if known is not None:
        return known
    if ended.exit_code is None:
        return "its pod failed"
    if ended.exit_code == 0:
        return "it gave up, as it does where the forge does not answer for too long"
    if ended.exit_code == KILLED_EXIT_CODE:
        return "it was killed (exit code 137)"
    return f"it broke down (exit code {ended.exit_code:d})"
