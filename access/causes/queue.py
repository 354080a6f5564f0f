"""Rules about the autoscaler and the jobs that wait, and what is said where nothing is wrong. Pure."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from access.causes.cause import Cause, Layer
from access.causes.facts import Facts, JobFacts, UnservedFacts
from access.online.progress import is_complete, online_count, progress_line
from values.contract import GITHUB_MOST_REPOSITORIES

_MOST: Final = 5


def scaler_causes(facts: Facts) -> Iterator[Cause]:
    """KEDA does not follow the queue."""
    scaler = facts.scaler
    if scaler is None:
        return
    scaled_object = f"scaledobject/{facts.name}"
    kubectl = f"kubectl --namespace {facts.namespace}"
    if not scaler.served:
        yield _scaler("keda-missing", "KEDA is not in the cluster: nothing follows the queue", "no kind ScaledObject",
                      "install KEDA 2.20 or newer, or give the pool `replicas` instead of `autoscaling`")  # fmt: skip
    elif not scaler.exists:
        yield _scaler("scaled-object-gone", "its ScaledObject does not exist: nothing follows the queue",
                      f"no ScaledObject {facts.name} in {facts.namespace}",
                      "somebody deleted it: `gpu-runners repair`, or `pulumi refresh` and `pulumi up`")  # fmt: skip
    elif scaler.paused:
        yield _scaler("autoscaler-paused", "somebody paused its autoscaler", "annotation autoscaling.keda.sh/paused",
                      f"`{kubectl} annotate {scaled_object} autoscaling.keda.sh/paused- "
                      "autoscaling.keda.sh/paused-replicas-`")  # fmt: skip
    elif scaler.ready is False:
        yield _scaler("autoscaler-not-ready", "KEDA cannot follow the queue", scaler.message,
                      f"`{kubectl} describe {scaled_object}`; `kubectl --namespace keda logs "
                      "deployment/keda-operator` says what the registrar answered it")  # fmt: skip
    elif facts.deployment is not None and facts.deployment.replicas < facts.pool.replicas:
        now, least = facts.deployment.replicas, facts.pool.replicas
        yield _scaler("fewer-than-min", f"it has {now} of the {least} runners that its autoscaler is to keep",
                      f"spec.replicas: {now}, autoscaling.min: {least}",
                      f"KEDA sets them within half a minute; if this stays: `{kubectl} describe {scaled_object}`, and "
                      "`kubectl --namespace keda logs deployment/keda-operator`")  # fmt: skip


def queue_causes(facts: Facts) -> Iterator[Cause]:
    """Jobs wait although the pool is as it shall be."""
    queue = facts.queue
    if queue is not None and queue.waiting and is_complete(facts.pool):
        yield from _waiting(facts, queue.waiting)


def _unserved(facts: Facts) -> list[str]:
    """Of jobs that no pool can take, whatever becomes of this one."""
    return [
        f"{entry.number} jobs wait that no pool can ever take: {entry.problem}; {entry.cure}"
        for entry in facts.unserved[:_MOST]
        if not entry.pool
    ]


def _waiting(facts: Facts, waiting: int) -> Iterator[Cause]:
    deployment, scaler = facts.deployment, facts.scaler
    most = scaler.most if scaler else deployment.replicas if deployment else 0
    if scaler is not None and most is not None and facts.pool.replicas < most:
        yield _scaler("autoscaler-late", f"{waiting} jobs wait, and its autoscaler has not yet asked for more runners",
                      f"replicas: {facts.pool.replicas} of at most {most}",
                      "it looks every few seconds; if this stays: `kubectl --namespace keda logs "
                      "deployment/keda-operator`")  # fmt: skip
        return
    running = facts.queue.running if facts.queue else 0
    if running >= facts.pool.replicas or (scaler and most is not None):
        what = "`autoscaling.max`" if scaler else "`replicas`"
        yield Cause(
            situation="all-runners-busy", layer=Layer.JOB,
            cause=f"{waiting} jobs wait because every runner of the pool has one",
            evidence=(f"{running} jobs run on {facts.pool.replicas} runners",),
            cure=f"wait for their ends, or raise {what} of the pool",
        )  # fmt: skip
    else:
        yield Cause(
            situation="job-not-given", layer=Layer.JOB,
            cause=f"{waiting} jobs wait, and the forge gives them to none of the idle runners",
            evidence=(f"{online_count(facts.pool)} runners are online, {running} jobs run",),
            cure="a moment may pass; else look at the run's page: a concurrency group, an approval, or a runner group "
            "that does not hold the repository",
        )  # fmt: skip


def _scaler(situation: str, cause: str, evidence: str, cure: str) -> Cause:
    return Cause(situation=situation, layer=Layer.AUTOSCALER, cause=cause, evidence=(evidence,), cure=cure)


def healthy(facts: Facts) -> Cause | None:
    """What is so where nothing is wrong; None where something is still under way."""
    pool, queue = facts.pool, facts.queue
    seen = [progress_line(pool)]
    if queue is not None:
        seen.append(f"jobs: {queue.waiting} waiting, {queue.running} running")
    seen += _unserved(facts)
    if not is_complete(pool):
        return None
    if pool.replicas == 0:
        return Cause(
            situation="asleep", layer=Layer.AUTOSCALER, is_trouble=False, evidence=tuple(seen),
            cause="nothing is wrong: no job waits, so its autoscaler keeps no runner; the next job brings one"
            if facts.scaler is not None
            else "nothing is wrong: its Deployment wants no runner now; whoever scales it brings one",
        )  # fmt: skip
    if pool.replicas and online_count(pool) < pool.replicas:
        return Cause(
            situation="waits-for-own-jobs", layer=Layer.JOB, is_trouble=False, evidence=tuple(seen),
            cause="nothing is wrong: what is missing waits for a GPU that a job of the same pool holds",
        )  # fmt: skip
    labels = ", ".join(facts.deployment.labels) if facts.deployment else ""
    return Cause(
        situation="healthy", layer=Layer.JOB, is_trouble=False, evidence=tuple(seen),
        cause="nothing is wrong: every runner is online"
        + (f"; jobs reach it with `runs-on: [{labels}]`" if labels else ""),
    )  # fmt: skip


def under_way(facts: Facts) -> Cause:
    """Nothing is wrong yet, and not every runner is online."""
    return Cause(
        situation="under-way", layer=Layer.POD, is_trouble=False, evidence=(progress_line(facts.pool),),
        cause="its runners are on their way, and nothing is known that holds them up",
        cure="`gpu-runners wait` waits for them; ask again in a minute",
    )  # fmt: skip


def job_cause(job: JobFacts, ours: Collection[str], unserved: Iterable[UnservedFacts] = ()) -> Cause | None:
    """What a job shows without any pool; None for one that waits for pools of ours that can take it, by their keys."""
    who = f"job {job.id}{f' ({job.name})' if job.name else ''}"
    labels = ", ".join(job.labels) or "none"
    if job.state == "running":
        return Cause(
            situation="job-runs", layer=Layer.JOB, is_trouble=False, cause=f"{who} runs",
            evidence=(f"its runner: {job.runner or 'one that is none of ours'}",),
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
