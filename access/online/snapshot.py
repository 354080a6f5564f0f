"""What the API server says about a pool at one moment, as frozen values. Judges nothing.

`pool_snapshot` takes the API's JSON as it comes and keeps only what progress and diagnosis look at.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from values.contract import (
    BUSY_ANNOTATION,
    LEAST_RUNNERS_ANNOTATION,
    ONLINE_GATE,
    REGISTRATION_CONTAINER,
    RUNNER_CONTAINER,
)

Json = Mapping[str, Any]
_HASH_LABEL: Final = "pod-template-hash"
_REVISION: Final = "deployment.kubernetes.io/revision"


@dataclass(frozen=True)
class ContainerSnapshot:
    """A container. state is `absent`, `waiting`, `running` or `terminated`.

    exit_code and message are those of the present end or, while it waits or runs again, of the one before.
    """

    state: str = "absent"
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    last_message: str = ""


@dataclass(frozen=True)
class EventSnapshot:
    """An Event about a pod; time is RFC 3339, so that text order is time order."""

    reason: str
    message: str
    time: str = ""


@dataclass(frozen=True)
class PodSnapshot:
    """A pod. current says that it is of the Deployment's present template."""

    name: str
    current: bool = True
    phase: str = "Running"
    reason: str = ""
    terminating: bool = False
    busy: bool = False
    online: bool = False
    scheduled: bool = True
    scheduling_message: str = ""
    registration: ContainerSnapshot = ContainerSnapshot()
    runner: ContainerSnapshot = ContainerSnapshot()
    events: tuple[EventSnapshot, ...] = ()

    @property
    def finished(self) -> bool:
        """It runs no more: the ReplicaSet counts it no longer."""
        return self.phase in ("Succeeded", "Failed")


@dataclass(frozen=True)
class PoolSnapshot:
    """A pool. settled says that the Deployment controller has seen the present template.

    replicas are the runners that are to be there: as many as the Deployment wants now, and no fewer than its autoscaler
    is to keep, of whom it may not have asked for all yet.

    creation_failure is why the ReplicaSet cannot create a pod, or "".
    """

    name: str
    replicas: int
    exists: bool = True
    settled: bool = True
    creation_failure: str = ""
    pods: tuple[PodSnapshot, ...] = ()


def pool_snapshot(
    name: str, deployment: Json | None, replica_sets: Iterable[Json], pods: Iterable[Json], events: Iterable[Json]
) -> PoolSnapshot:
    """A pool from the JSON of its objects; deployment is None when there is none, and all other objects are the pool's.

    A Deployment that is being deleted is none.
    """
    if deployment is None or "deletionTimestamp" in deployment["metadata"]:
        return PoolSnapshot(name, replicas=0, exists=False)
    status = deployment.get("status", {})
    by_pod: dict[str, list[EventSnapshot]] = {}
    for event in events:
        by_pod.setdefault(event.get("involvedObject", {}).get("name", ""), []).append(_event(event))
    current = _current_hash(deployment, replica_sets)
    return PoolSnapshot(
        name=name,
        replicas=max(deployment["spec"].get("replicas", 1), _kept(deployment)),
        settled=status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0) and current != "",
        creation_failure=_condition(status, "ReplicaFailure", "True"),
        pods=tuple(_pod(pod, current, by_pod.get(pod["metadata"]["name"], [])) for pod in pods),
    )


def _kept(deployment: Json) -> int:
    least = str(deployment["metadata"].get("annotations", {}).get(LEAST_RUNNERS_ANNOTATION) or "")
    return int(least) if re.fullmatch("[0-9]{1,6}", least) else 0


def _current_hash(deployment: Json, replica_sets: Iterable[Json]) -> str:
    revision = deployment["metadata"].get("annotations", {}).get(_REVISION, "")
    for replica_set in replica_sets:
        metadata = replica_set["metadata"]
        if revision and metadata.get("annotations", {}).get(_REVISION) == revision:
            return str(metadata.get("labels", {}).get(_HASH_LABEL, ""))
    return ""


def _pod(pod: Json, current_hash: str, events: list[EventSnapshot]) -> PodSnapshot:
    metadata, status = pod["metadata"], pod.get("status", {})
    return PodSnapshot(
        name=metadata["name"],
        current=metadata.get("labels", {}).get(_HASH_LABEL) == current_hash,
        phase=status.get("phase", "Pending"),
        reason=status.get("reason", ""),
        terminating="deletionTimestamp" in metadata,
        busy=BUSY_ANNOTATION in metadata.get("annotations", {}),
        online=any(c["type"] == ONLINE_GATE and c["status"] == "True" for c in status.get("conditions", [])),
        scheduled=bool(pod.get("spec", {}).get("nodeName")),
        scheduling_message=_condition(status, "PodScheduled", "False"),
        registration=_container(status.get("initContainerStatuses", []), REGISTRATION_CONTAINER),
        runner=_container(status.get("containerStatuses", []), RUNNER_CONTAINER),
        events=tuple(sorted(events, key=lambda event: event.time)),
    )


def _condition(status: Json, kind: str, value: str) -> str:
    """The message of a condition that has this value, else ""."""
    conditions = (c for c in status.get("conditions", []) if c["type"] == kind and c["status"] == value)
    return next((_words(c.get("message") or c.get("reason")) for c in conditions), "")


def _container(statuses: Iterable[Json], name: str) -> ContainerSnapshot:
    status = next((status for status in statuses if status["name"] == name), None)
    if status is None:
        return ContainerSnapshot()
    last = status.get("lastState", {}).get("terminated", {})
    for state, detail in status.get("state", {}).items():
        ended = detail if state == "terminated" else last
        return ContainerSnapshot(
            state=state,
            reason=detail.get("reason", ""),
            message=_words(detail.get("message")),
            exit_code=ended.get("exitCode"),
            last_message=_words(ended.get("message")),
        )
    return ContainerSnapshot()


def _event(event: Json) -> EventSnapshot:
    series = event.get("series") or {}
    time = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or ""
    return EventSnapshot(event.get("reason", ""), _words(event.get("message")), time)


def _words(text: object) -> str:
    """One line that commands nobody, for a job writes its container's last words, and a deploy job's log shows them.

    To a runner a line that begins with `::` is a command, with blanks before it, too, and one with `##[` somewhere
    (actions/runner, ActionCommand.cs); to a terminal an escape is one.
    """
    line = "".join(letter if letter.isprintable() else "?" for letter in " ".join(str(text or "").split()))
    return re.sub(r"^::", ": :", line).replace("##[", "## [")
