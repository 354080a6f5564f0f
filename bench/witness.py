"""When things happened to the Deployments and runner pods of a namespace, from two watches: good to milliseconds."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from lab.trial.kubernetes import Json, KubernetesApi
from values.contract import ONLINE_GATE, POOL_LABEL, RUNNER_ID_ANNOTATION

CREATED: Final = "created"
SCHEDULED: Final = "scheduled"
SANDBOX: Final = "sandbox"
INITIALIZED: Final = "initialized"
REGISTERED: Final = "registered"
RUNNING: Final = "running"
ONLINE: Final = "online"
ENDED: Final = "ended"
SCALED: Final = "scaled"
GONE: Final = "gone"
Note = Callable[[str, Json], None]
_CONDITIONS: Final = {
    "PodScheduled": SCHEDULED,
    "PodReadyToStartContainers": SANDBOX,
    "Initialized": INITIALIZED,
    ONLINE_GATE: ONLINE,
}


@dataclass
class Life:
    """When each thing was first seen, in Unix time."""

    pool: str
    at: dict[str, float] = field(default_factory=dict)


class Witness:
    """Watches from the moment it is made until the process ends."""

    def __init__(self, api: KubernetesApi, namespace: str) -> None:
        self.pods: dict[str, Life] = {}
        self.deployments: dict[str, Life] = {}
        self._api = api
        watches = {
            f"/api/v1/namespaces/{namespace}/pods": self._pod,
            f"/apis/apps/v1/namespaces/{namespace}/deployments": self._deployment,
        }
        for path, note in watches.items():
            threading.Thread(target=self._watch, args=(path, note), daemon=True).start()

    def forget(self) -> None:
        """What was seen so far counts no more."""
        self.pods, self.deployments = {}, {}

    def first(self, what: str, after: float, pool: str | None = None) -> float | None:
        """When something first happened to a pod after a moment."""
        lives = [life for life in list(self.pods.values()) if pool in (None, life.pool)]
        return min((life.at[what] for life in lives if life.at.get(what, 0.0) > after), default=None)

    def _watch(self, path: str, note: Note) -> None:
        for kind, document in self._api.watch(path):
            note(kind, document)

    def _pod(self, kind: str, document: Json) -> None:
        metadata = document["metadata"]
        life = self.pods.setdefault(metadata["uid"], Life(metadata.get("labels", {}).get(POOL_LABEL, "")))
        _note(life, {GONE: None} if kind == "DELETED" else dict.fromkeys(pod_events(document)))

    def _deployment(self, kind: str, document: Json) -> None:
        life = self.deployments.setdefault(document["metadata"]["uid"], Life(document["metadata"]["name"]))
        events = [CREATED, *([SCALED] if document["spec"].get("replicas", 1) > 0 else [])]
        _note(life, {GONE: None} if kind == "DELETED" else dict.fromkeys(events))
        if not document["spec"].get("replicas", 1):
            life.at.pop(SCALED, None)


def _note(life: Life, events: Mapping[str, None]) -> None:
    now = time.time()
    for event in events:
        life.at.setdefault(event, now)


def pod_events(document: Json) -> Iterator[str]:
    """What has happened to a pod by now."""
    yield CREATED
    status = document.get("status", {})
    for condition in status.get("conditions", ()):
        if condition["status"] == "True" and condition["type"] in _CONDITIONS:
            yield _CONDITIONS[condition["type"]]
    if document["metadata"].get("annotations", {}).get(RUNNER_ID_ANNOTATION):
        yield REGISTERED
    states = [container.get("state", {}) for container in status.get("containerStatuses", ())]
    if any("running" in state for state in states):
        yield RUNNING
    # The phase says so only when all of the pod is taken apart, a second after the runner has ended.
    if any("terminated" in state for state in states) or status.get("phase") in ("Succeeded", "Failed"):
        yield ENDED
