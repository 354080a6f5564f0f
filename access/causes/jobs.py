"""What is said about one job: that it runs, that no pool of ours can take it, or that nobody has it. Pure."""

from collections.abc import Collection, Iterable, Sequence

from access.causes.cause import Cause, Layer
from access.causes.facts import JobFacts, UnservedFacts
from values.contract import GITHUB_MOST_REPOSITORIES
from values.runner_label import means_hosted


def job_cause(job: JobFacts, ours: Collection[str], unserved: Iterable[UnservedFacts] = ()) -> Cause | None:
    """What a job shows without any pool; None for one that waits for pools of ours that can take it, by their keys."""
    who = f"job {job.id}{f' ({job.name})' if job.name else ''}"
    labels = ", ".join(job.labels) or "none"
    if job.state == "running":
        return Cause(
            situation="job-runs", layer=Layer.JOB, is_trouble=False, cause=f"{who} runs",
            evidence=(f"its runner: {job.runner or 'one that is none of ours'}",),
        )  # fmt: skip
    if not job.pools and means_hosted(job.labels):
        return Cause(
            situation="job-for-hosted", layer=Layer.JOB, cause=f"{who} waits for a runner that the forge has itself",
            evidence=(f"runs-on: [{labels}]",),
            cure="see whether the forge has such runners, and one that is free; a pool gets jobs with its own labels",
        )  # fmt: skip
    known = next((entry for entry in unserved if set(entry.labels) == set(job.labels) and not entry.pool), None)
    if not job.pools and known is not None:
        return Cause(
            situation="job-nobody-takes", layer=Layer.JOB, cause=f"no pool can ever take {who}",
            evidence=(f"runs-on: [{labels}]", known.problem), cure=known.cure,
        )  # fmt: skip
    if not job.pools:
        return Cause(
            situation="job-nobody-takes", layer=Layer.JOB, cause=f"no pool can ever take {who}",
            evidence=(f"runs-on: [{labels}]",),
            cure="correct `runs-on` of the job, give a pool these labels, or let its runner group hold the repository",
        )  # fmt: skip
    if not any(pool in ours for pool in job.pools):
        first = job.pools[0]
        return Cause(
            situation="job-of-other-stack", layer=Layer.JOB, cause=f"{who} waits for pools of another stack",
            evidence=(f"runs-on: [{labels}]", f"its pools: {', '.join(job.pools)}"),
            cure=f"ask about those: `gpu-runners why {first} --stack STACK`, with the stack that declares them",
        )  # fmt: skip
    return None


def job_unknown(name: str, unread: Sequence[str]) -> Cause:
    """A job that is not among those that wait or work; unread is where it may be all the same."""
    if unread:
        return Cause(
            situation="registrar-not-asked", layer=Layer.REGISTRAR, is_trouble=False,
            cause="the registrar could not tell all its jobs, so nothing is known about this one",
            cure="ask about the job's pool: `gpu-runners why POOL`",
        )  # fmt: skip
    return Cause(
        situation="job-not-open", layer=Layer.JOB,
        cause=f"the forge has no job {name} that waits or works in the scopes of this stack's namespaces",
        evidence=("it has ended, was cancelled, waits for another job, an approval or its concurrency group, or is of "
                  "a repository that no scope holds, or that the registrar does not read: of an organization at GitHub "
                  f"it reads the {GITHUB_MOST_REPOSITORIES} to which somebody pushed last",),
        cure="look at the run's page at the forge; `gpu-runners usage` says how jobs of the last weeks ended",
    )  # fmt: skip
