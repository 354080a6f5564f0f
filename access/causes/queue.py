"""Rules about the autoscaler and the jobs that wait, and what is said where nothing is wrong. Pure."""

from collections.abc import Iterator
from typing import Final

from access.causes.cause import Cause, Layer
from access.causes.facts import Facts, QueueFacts
from access.causes.pods import WAIT_FOR_TURN
from access.online.progress import is_complete, online_count, progress_line

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
        names = " ".join(f"{annotation.partition(':')[0]}-" for annotation in scaler.paused)
        yield _scaler("autoscaler-paused", "somebody paused its autoscaler", ", ".join(scaler.paused),
                      f"`{kubectl} annotate {scaled_object} {names}`")  # fmt: skip
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
        yield from _waiting(facts, queue)


def _unserved(facts: Facts) -> list[str]:
    """Of jobs that no pool can take, whatever becomes of this one."""
    return [
        f"{entry.number} jobs wait that no pool can ever take: {entry.problem}; {entry.cure}"
        for entry in facts.unserved[:_MOST]
        if not entry.pool
    ]


def _waiting(facts: Facts, queue: QueueFacts) -> Iterator[Cause]:
    most = facts.scaler.most if facts.scaler else None
    if queue.after and (most is None or queue.running < most):
        yield Cause(
            situation="after-others", layer=Layer.REGISTRAR,
            cause=f"{queue.waiting} jobs wait for their turn: an earlier job's runner comes first",
            evidence=(f"the registrar keeps the next free GPUs for {queue.after}",), cure=WAIT_FOR_TURN,
        )  # fmt: skip
    elif queue.wanted > facts.pool.replicas and (late := _late(facts, queue)):
        yield late
    elif queue.running >= facts.pool.replicas:
        what = "`autoscaling.max`" if facts.scaler else "`replicas`"
        yield Cause(
            situation="all-runners-busy", layer=Layer.JOB,
            cause=f"{queue.waiting} jobs wait because every runner of the pool has one",
            evidence=(f"{queue.running} jobs run on {facts.pool.replicas} runners",),
            cure=f"wait for their ends, or raise {what} of the pool",
        )  # fmt: skip
    else:
        yield Cause(
            situation="job-not-given", layer=Layer.JOB,
            cause=f"{queue.waiting} jobs wait, and the forge gives them to none of the idle runners",
            evidence=(f"{online_count(facts.pool)} runners are online, {queue.running} jobs run",),
            cure="a moment may pass; else look at the run's page: a concurrency group, an approval, or a runner group "
            "that does not hold the repository",
        )  # fmt: skip


def _late(facts: Facts, queue: QueueFacts) -> Cause | None:
    """Who could have asked for the runners that are wanted, and has not; None where nobody may."""
    now, scaler, deployment = facts.pool.replicas, facts.scaler, facts.deployment
    if scaler is not None and (scaler.most is None or now < scaler.most):
        bound = "" if scaler.most is None else f" of at most {scaler.most}"
        return _scaler("autoscaler-late", f"{queue.waiting} jobs wait, and its autoscaler has not yet asked for more "
                       "runners", f"replicas: {now}{bound}, wanted: {queue.wanted}",
                       f"it looks every few seconds; if this stays: `kubectl --namespace {facts.namespace} describe "
                       "horizontalpodautoscalers`, and `kubectl --namespace keda logs "
                       "deployment/keda-operator`")  # fmt: skip
    if scaler is None and deployment is not None and (deployment.scaled_by_others or not now):
        return _scaler("not-scaled-up", f"{queue.waiting} jobs wait, and what scales it has not asked for more runners",
                       f"spec.replicas: {now}, wanted: {queue.wanted}",
                       f"`kubectl --namespace {facts.namespace} get horizontalpodautoscalers` shows what may scale it; "
                       "or give the pool `autoscaling`, which follows this queue")  # fmt: skip
    return None


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
