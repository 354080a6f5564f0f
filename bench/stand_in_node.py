"""A node on which no container runs: this process plays its kubelet, and the registrar of the pods on it.

Both sides of a comparison wait for the same thing, a pod that is Ready with its readiness gate true, and neither waits
for containers, of which this machine could not start enough. kwok would not do: it calls pods Ready whatever their
gates say.
"""

import datetime
import threading
from typing import Any

from lab.trial.kubernetes import Json, KubernetesApi
from values.contract import ONLINE_GATE

NAME = "bench-stand-in"
PRODUCT = "BENCH-STAND-IN"
PODS = 250
HEARTBEAT_SECONDS = 8.0
CONDITIONS = ("PodReadyToStartContainers", "Initialized", "ContainersReady", ONLINE_GATE, "Ready")


class StandInNode:
    """There while it is open."""

    def __init__(self, api: KubernetesApi) -> None:
        self._api = api
        self._over = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._beat, self._run_pods)]

    def __enter__(self) -> "StandInNode":
        self._api.delete(f"/api/v1/nodes/{NAME}")
        self._api.create("/api/v1/nodes", _node())
        self._post_status()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._api.delete(f"/api/v1/nodes/{NAME}")

    def _beat(self) -> None:
        while not self._over.wait(HEARTBEAT_SECONDS):
            self._post_status()

    def _post_status(self) -> None:
        ready = {"type": "Ready", "status": "True", "reason": "StandIn", "lastHeartbeatTime": _now()}
        self._api.patch(f"/api/v1/nodes/{NAME}/status", {"status": {"conditions": [ready]}})

    def _run_pods(self) -> None:
        for _, pod in self._api.watch("/api/v1/pods", fields=f"spec.nodeName={NAME}"):
            if self._over.is_set():
                return
            metadata = pod["metadata"]
            path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
            if "deletionTimestamp" in metadata:
                self._api.delete(path, gracePeriodSeconds=0)
            elif pod["status"].get("phase") == "Pending":
                self._api.patch(f"{path}/status", {"status": _running(pod)})


def _node() -> Json:
    capacity = {
        "cpu": "400",
        "memory": "4Ti",
        "ephemeral-storage": "4Ti",
        "pods": str(PODS),
        "nvidia.com/gpu": str(PODS),
    }
    return {
        "metadata": {
            "name": NAME,
            "labels": {"kubernetes.io/hostname": NAME, "nvidia.com/gpu.product": PRODUCT},
        },
        "spec": {"taints": [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]},
        "status": {"capacity": capacity, "allocatable": capacity},
    }


def _running(pod: Json) -> Json:
    now = _now()
    return {
        "phase": "Running",
        "startTime": now,
        "conditions": [
            *({"type": kind, "status": "True", "lastTransitionTime": now} for kind in CONDITIONS),
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": now},
        ],
        "containerStatuses": [_container(container, now) for container in pod["spec"]["containers"]],
    }


def _container(container: Json, now: str) -> dict[str, Any]:
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": True,
        "started": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": now}},
    }


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
