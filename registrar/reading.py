"""Reads a Kubernetes Pod into a RunnerPod. Pure; trusts nothing to be there: a status fills up bit by bit."""

import re
from datetime import datetime

from lightkube.models.core_v1 import ContainerState, ContainerStateTerminated, ContainerStatus, Pod, PodCondition

from registrar.pods import Ended, RunnerPod, Stage
from registrar.untrusted import MalformedError, identifier_or_none, job_id, runner_labels, words
from values import contract
from values.scheduler_message import LONGEST, is_hopeless, is_kept_out, short_of

TEMPLATE_HASH_LABEL = "pod-template-hash"
DAY_SECONDS = 86_400.0  # since 1970: no pod was there then


def read_pod(pod: Pod) -> RunnerPod:
    """The registrar's view of a pod that carries the pool label."""
    metadata, status = pod.metadata, pod.status
    assert metadata is not None  # noqa: S101 - an object without metadata does not come out of an API server
    labels, annotations = metadata.labels or {}, metadata.annotations or {}
    template_hash = labels.get(TEMPLATE_HASH_LABEL, "")
    conditions = {condition.type: condition for condition in (status and status.conditions) or []}
    runner = _container((status and status.containerStatuses) or [], contract.RUNNER_CONTAINER)
    gate = conditions.get(contract.ONLINE_GATE)
    gated = gate is not None and gate.status == "True"
    created = _seconds(metadata.creationTimestamp)
    refused = _scheduler_words(conditions.get("PodScheduled"))
    hopeless = is_hopeless(refused)
    ended = _ended(pod, runner, created)
    stage, since, cause = _stage(pod, conditions, runner, ended, gated)
    resource, gpus = _gpus(pod)
    return RunnerPod(
        namespace=metadata.namespace or "",
        name=metadata.name or "",
        uid=metadata.uid or "",
        version=identifier_or_none(metadata.resourceVersion) or 0,
        pool=labels.get(contract.POOL_LABEL, ""),
        owner=_owner(pod, template_hash),
        template_hash=template_hash,
        service_account=(pod.spec and pod.spec.serviceAccountName) or "default",
        runner_labels=_runner_labels(annotations.get(contract.RUNNER_LABELS_ANNOTATION, "")),
        stage=stage,
        since=since,
        stamped=since,
        created=created,
        cause=cause,
        started=runner is not None and runner.state is not None and runner.state.waiting is None,
        deleting=metadata.deletionTimestamp is not None,
        runner_id=identifier_or_none(annotations.get(contract.RUNNER_ID_ANNOTATION)),
        busy=_busy(annotations.get(contract.BUSY_ANNOTATION)),
        gated=gated,
        ended=ended,
        killed_at=_killed_at(pod),
        addresses=tuple(address.ip for address in (status and status.podIPs) or [] if address.ip),
        gpus=gpus,
        gpu_resource=resource,
        short_of=() if hopeless else tuple(short_of(refused)),
        hopeless=hopeless,
        kept_out=is_kept_out(refused),
        node=words(pod.spec and pod.spec.nodeName, most=253),
    )


def _gpus(pod: Pod) -> tuple[str, int]:
    """The resource of which the runner's container has devices, and how many. Only devices' names have a domain."""
    containers = (pod.spec and pod.spec.containers) or []
    container = next((container for container in containers if container.name == contract.RUNNER_CONTAINER), None)
    limits = (container and container.resources and container.resources.limits) or {}
    for resource in sorted(limits):
        if "/" in resource and re.fullmatch("[0-9]{1,4}", str(limits[resource]), re.ASCII):
            return words(resource, most=100), int(limits[resource])
    return "", 0


def _scheduler_words(scheduled: PodCondition | None) -> str:
    """What the scheduler says of a pod that it has looked at and found no node for."""
    if scheduled is None or scheduled.status != "False" or scheduled.reason != "Unschedulable":
        return ""
    return (scheduled.message or "")[:LONGEST]


def _runner_labels(text: str) -> tuple[str, ...]:
    """Runner labels from their annotation, none at all where it is malformed."""
    try:
        return runner_labels(text)
    except MalformedError:
        return ()


def _busy(text: str | None) -> str | None:
    """The latch: a job's id, or that the job is not known, which is all that any other text is good for."""
    return None if text is None else (job_id(text) or contract.BUSY_WITH_UNKNOWN_JOB)


def _stage(
    pod: Pod,
    conditions: dict[str, PodCondition],
    runner: ContainerStatus | None,
    ended: Ended | None,
    gated: bool,
) -> tuple[Stage, float, str]:
    """Stage, the Unix time at which it began, and Kubernetes' words on it."""
    metadata = pod.metadata
    assert metadata is not None  # noqa: S101 - see read_pod
    created = _seconds(metadata.creationTimestamp)
    if ended is not None:
        return (Stage.COMPLETED if ended.exit_code == 0 else Stage.FAILED), ended.at, str(ended)
    if metadata.deletionTimestamp is not None:
        grace = metadata.deletionGracePeriodSeconds or 0
        return Stage.TERMINATING, _seconds(metadata.deletionTimestamp) - grace, ""
    if runner is not None and runner.state is not None and runner.state.running is not None:
        return (Stage.RUNNING if gated else Stage.STARTING), _seconds(runner.state.running.startedAt, created), ""
    scheduled = conditions.get("PodScheduled")
    if scheduled is None or scheduled.status != "True":
        return Stage.SCHEDULING, created, (_words(scheduled.reason, scheduled.message) if scheduled else "")
    return _preparing(pod, runner, _seconds(scheduled.lastTransitionTime, created))


def _killed_at(pod: Pod) -> float | None:
    """When the time is over that a deleted pod has to end.

    Its last deletion, by the kubelet whose containers have ended or by force, leaves none (grace period 0) and is
    written with the moment at which it comes: that says nothing of the time that the pod had.
    """
    metadata = pod.metadata
    if metadata is None or metadata.deletionTimestamp is None or not metadata.deletionGracePeriodSeconds:
        return None
    return _seconds(metadata.deletionTimestamp)


def _preparing(pod: Pod, runner: ContainerStatus | None, scheduled_at: float) -> tuple[Stage, float, str]:
    """On a node, the runner's container not started yet."""
    statuses = (pod.status and pod.status.initContainerStatuses) or []
    registration = _container(statuses, contract.REGISTRATION_CONTAINER)
    state = registration.state if registration else None
    if registration is None or state is None:
        return Stage.PULLING, scheduled_at, ""
    before = registration.lastState.terminated if registration.lastState else None
    if state.running is not None:
        return Stage.INITIALIZING, _seconds(state.running.startedAt, scheduled_at), _last_words(before)
    if state.terminated is not None and state.terminated.exitCode == 0:
        return (
            Stage.PULLING,
            _seconds(state.terminated.finishedAt, scheduled_at),
            _waiting(runner.state if runner else None),
        )
    failed = state.terminated or before
    if failed is not None:
        return Stage.INITIALIZING, scheduled_at, _last_words(failed)
    return Stage.PULLING, scheduled_at, _waiting(state)


def _ended(pod: Pod, runner: ContainerStatus | None, created: float) -> Ended | None:
    terminated = runner.state.terminated if runner is not None and runner.state is not None else None
    status = pod.status
    if terminated is not None:
        # Who ended the whole pod, as by an eviction, says more than what its container ended with.
        of_pod = status.reason if status is not None and status.phase == "Failed" else None
        finished = _seconds(terminated.finishedAt, created)
        started = _seconds(terminated.startedAt, finished)
        return Ended(
            exit_code=terminated.exitCode,
            reason=words(of_pod or terminated.reason),
            message=words(terminated.message),
            # Of one clock both, whatever that is. A container that could not be started says that it was in 1970.
            ran_seconds=max(0.0, finished - started) if started > DAY_SECONDS else 0.0,
            at=finished,
        )
    if status is None or status.phase not in ("Failed", "Succeeded"):
        return None
    return Ended(
        exit_code=None,
        reason=words(status.reason),
        message=words(status.message),
        ran_seconds=0.0,
        at=_seconds(status.startTime, created),
    )


def _owner(pod: Pod, template_hash: str) -> str:
    """Name of the Deployment: its ReplicaSet's name without the hash of the pod template."""
    metadata = pod.metadata
    for reference in (metadata.ownerReferences if metadata else None) or []:
        if reference.kind == "ReplicaSet" and template_hash:
            return reference.name.removesuffix(f"-{template_hash}")
    return ""


def _container(statuses: list[ContainerStatus], name: str) -> ContainerStatus | None:
    return next((status for status in statuses if status.name == name), None)


def _waiting(state: ContainerState | None) -> str:
    waiting = state.waiting if state else None
    if waiting is None or waiting.reason == "PodInitializing":
        return ""
    return _words(waiting.reason, waiting.message)


def _last_words(terminated: ContainerStateTerminated | None) -> str:
    if terminated is None:
        return ""
    return _words(f"the registration container ended with exit code {terminated.exitCode}", terminated.message)


def _words(reason: str | None, message: str | None) -> str:
    return ": ".join(part for part in (words(reason), words(message)) if part)


def _seconds(moment: datetime | None, default: float = 0.0) -> float:
    try:
        return default if moment is None else moment.timestamp()
    except (ValueError, OverflowError):
        return default
