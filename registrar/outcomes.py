"""What an ended runner amounts to. Pure. Exit code 0 alone never means done: only the job's conclusion does."""

from dataclasses import dataclass

from registrar.forges.forge import Job
from registrar.losses import Loss, loss_of
from registrar.pods import RunnerPod
from values import contract


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`done`: the forge has the job's conclusion. `had_job`: a job was given to this runner, whatever became of it.

    loss: its job, where that was lost with the runner and did not fail by itself.
    """

    done: bool
    had_job: bool
    text: str
    loss: Loss | None = None

    @property
    def has_result(self) -> bool:
        """Whether the runner reported what became of its job, which was its last."""
        return self.done and self.loss is None


def outcome_of(pod: RunnerPod, job: Job | None) -> Outcome:
    """Judge an ended pod by the job that the forge says its runner had (None: it knows of none)."""
    if job is not None and job.runner_name not in ("", pod.name):
        job = None  # a runner of another name is not this pod's, whatever its annotation claims
    how = f"the runner ended with {pod.ended}" if pod.ended else "the runner has not ended"
    if pod.ended is not None and pod.ended.exit_code == contract.OUTDATED_EXIT_CODE:
        how += " (GitHub no longer serves this version of the runner: set runnerImage to a newer one)"
    if job is not None and job.conclusion:
        text = f"{job} concluded: {job.conclusion}; {how}"
        return Outcome(done=True, had_job=True, text=text, loss=loss_of(pod, job))
    if job is not None:
        lost = f"{job} has no conclusion at the forge: its result is lost unless the job is run again"
        return Outcome(done=False, had_job=True, text=f"{how}, but {lost}", loss=loss_of(pod, job))
    if pod.busy is not None:
        return Outcome(done=False, had_job=True, text=f"{how}; the forge no longer names its job {pod.busy}")
    if pod.was_stopped and not pod.started:
        return Outcome(done=False, had_job=False, text="its pod was deleted before the runner began")
    ran = f"after {pod.ended.ran_seconds:.0f} s " if pod.ended else ""
    return Outcome(done=False, had_job=False, text=f"{how} {ran}without a job")


def kept_failures(failures: list[RunnerPod], keep: int) -> frozenset[str]:
    """Uids of the pods to keep with their logs: the last `keep` of each pool that did not end well."""
    newest_first = sorted(failures, key=lambda pod: (pod.since, pod.name), reverse=True)
    kept: dict[tuple[str, str], list[str]] = {}
    for pod in newest_first:
        of_pool = kept.setdefault(pod.pool_key, [])
        if len(of_pool) < keep:
            of_pool.append(pod.uid)
    return frozenset(uid for uids in kept.values() for uid in uids)
