"""Loss: a job that ended, or will end, without its own doing: its runner is gone and never reported its result. Pure.

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
    if job is None or pod.ended is None or pod.runner_id is None:
        return None
    if job.runner_id != pod.runner_id or job.runner_name != pod.name or job.conclusion in ITS_OWN:
        return None
    if job.conclusion and (job.completed is None or job.completed <= pod.ended.at + SKEW_SECONDS):
        return None
    why = f"The runner {pod.name} ended before it could report the result: {_how(pod.ended)}."
    return _loss(job, pod.name, pod.namespace, why, is_certain=True)


def silence_of(job: Job, runner_name: str, namespace: str) -> Loss:
    """A job that goes on at the forge while its runner has been silent for too long."""
    return _loss(job, runner_name, namespace, f"The runner {runner_name} {NOT_HEARD_OF}.", is_certain=False)


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
