"""The runner pods of a namespace: which there are, how far they are, and waiting for that."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass

from lab.trial.deadline import until
from lab.trial.kubernetes import Json, KubernetesApi
from lab.trial.repository import Registrations
from values import contract


@dataclass(frozen=True)
class RunnerPod:
    """A pod of a pool as it was when it was read. `created` is Unix time; `job` is the busy latch, "" when idle."""

    name: str
    uid: str
    pool: str
    phase: str
    online: bool
    leaving: bool
    job: str
    runner_id: int | None
    deletion_cost: int
    address: str
    node: str
    created: float
    document: Json

    @property
    def ready(self) -> bool:
        """Online, alive and idle: the next job may land on it."""
        return self.online and not self.leaving and self.phase == "Running" and not self.job


def runner_pod(document: Json) -> RunnerPod:
    """A pod from the API's JSON."""
    metadata, status = document["metadata"], document.get("status", {})
    annotations = metadata.get("annotations", {})
    runner_id = annotations.get(contract.RUNNER_ID_ANNOTATION)
    created = datetime.datetime.fromisoformat(metadata["creationTimestamp"])
    return RunnerPod(
        name=metadata["name"],
        uid=metadata["uid"],
        pool=metadata["labels"][contract.POOL_LABEL],
        phase=status.get("phase", ""),
        online=any(c["type"] == contract.ONLINE_GATE and c["status"] == "True" for c in status.get("conditions", ())),
        leaving="deletionTimestamp" in metadata,
        job=annotations.get(contract.BUSY_ANNOTATION, ""),
        runner_id=int(runner_id) if runner_id else None,
        deletion_cost=int(annotations.get(contract.DELETION_COST_ANNOTATION, "0")),
        address=status.get("podIP", ""),
        node=document["spec"].get("nodeName", ""),
        created=created.timestamp(),
        document=document,
    )


@dataclass(frozen=True)
class Pods:
    """The runner pods of one namespace, and the forge where they register."""

    api: KubernetesApi
    namespace: str
    forge: Registrations

    @property
    def path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods"

    def of(self, pool: str) -> list[RunnerPod]:
        """The pods of a pool, oldest first."""
        pods = map(runner_pod, self.api.items(self.path, f"{contract.POOL_LABEL}={pool}"))
        return sorted(pods, key=lambda pod: (pod.created, pod.name))

    def all(self) -> list[RunnerPod]:
        """The pods of all pools."""
        return [runner_pod(item) for item in self.api.items(self.path, contract.POOL_LABEL)]

    def find(self, name: str) -> RunnerPod | None:
        """One pod, or None when it is gone."""
        document = self.api.find(f"{self.path}/{name}")
        return runner_pod(document) if document else None

    def delete(self, name: str, **options: object) -> None:
        """Deletes a pod, as `kubectl delete pod` does; options as in DeleteOptions."""
        self.api.delete(f"{self.path}/{name}", **options)

    def until(self, what: str, pool: str, condition: Callable[[list[RunnerPod]], object], seconds: float) -> None:
        """Waits until the pods of a pool fulfil a condition."""
        until(what, lambda: condition(self.of(pool)), seconds, seen=lambda: list(map(summary, self.of(pool))))

    def until_ready(self, pool: str, count: int, seconds: float = 30) -> list[RunnerPod]:
        """Waits for exactly `count` runners that can take a job, and no other pod of the pool; returns them."""
        ready: list[RunnerPod] = []

        def all_ready(pods: list[RunnerPod]) -> bool:
            # One that had a short job still runs for a moment, but the forge does not know it any more.
            known = {runner.name for runner in self.forge.runners() if runner.online}
            ready[:] = [pod for pod in pods if pod.ready and pod.name in known]
            return len(ready) == len(pods) == count

        self.until(f"{pool} has {count} idle online runners and nothing else", pool, all_ready, seconds)
        return ready

    def events(self, name: str) -> list[tuple[str, str]]:
        """Reason and message of every Event about a pod."""
        path = f"/api/v1/namespaces/{self.namespace}/events"
        events = self.api.items(path, fields=f"involvedObject.name={name}")
        return [(event["reason"], event["message"]) for event in events]


def summary(pod: RunnerPod) -> str:
    """One pod in a word or two, for messages."""
    marks = [mark for mark, true in (("online", pod.online), ("leaving", pod.leaving), ("busy", bool(pod.job))) if true]
    return " ".join([pod.name, pod.phase, *marks])
