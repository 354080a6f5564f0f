"""A pool of two runners as the lab's API server and registrar told of it, and what a test makes of that.

recorded.json: the answers to the reader's own questions, without what no rule reads (commands, images, owners). The
pool had no GPUs: `World` gives each runner one of the resource that the node offers.
"""

import copy
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from access.causes.cause import Cause
from access.causes.facts import Facts, StackFacts
from access.causes.order import first_cause
from access.causes.reader import FactsReader
from access.cluster.errors import ClusterRefusedError, ClusterUnreachableError

RECORDED: Final = json.loads((Path(__file__).with_name("recorded.json")).read_text(encoding="utf-8"))
NOW: Final = datetime(2026, 11, 26, 20, 52, tzinfo=UTC)
NAMESPACE, POOL, PLATFORM = "gpu-runners-test", "workers", "gpu-runners-test-system"
GPU = "nvidia.com/gpu"
API, APPS = f"/api/v1/namespaces/{NAMESPACE}", f"/apis/apps/v1/namespaces/{NAMESPACE}"
REGISTRAR = f"/api/v1/namespaces/{PLATFORM}/services/https:registrar:8444/proxy"
SCALED = f"/apis/keda.sh/v1alpha1/namespaces/{NAMESPACE}/scaledobjects/{POOL}"
KEY = f"{NAMESPACE}/{POOL}"


class World:
    """Answers the reader by path. Lists ignore selectors: what is recorded is what they select."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = copy.deepcopy(RECORDED)
        self.refusals: dict[str, tuple[int, str]] = {}
        self.is_away = False
        self.asked: list[str] = []
        self.parameters: dict[str, Mapping[str, str]] = {}  # the last with which a path was asked
        self.stack: StackFacts | None = StackFacts(stack="tests", replicas=2, pools=("workers", "other"))
        self.answers[f"{APPS}/deployments"] = {"items": [self.answers[f"{APPS}/deployments/{POOL}"]]}
        self.answers[f"{REGISTRAR}/unserved"] = {"jobs": []}
        self.answers["/api/v1/pods"] = {"items": self.pods}
        for holder in (self.template, *(pod["spec"] for pod in self.pods)):
            for key in ("limits", "requests"):
                holder["containers"][0]["resources"][key][GPU] = "1"
        self.template["nodeSelector"] = {f"{GPU}.product": "NVIDIA-A100-SIMULATED"}

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
        self.asked.append(path)
        self.parameters[path] = parameters or {}
        if self.is_away:
            raise ClusterUnreachableError("the Kubernetes API server https://k8s:6443 cannot be used: refused", "Check")
        if path in self.refusals:
            status, message = self.refusals[path]
            raise ClusterRefusedError(f"GET {path}: {status} {message}", "cure", status=status, message=message)
        if path not in self.answers:
            raise ClusterRefusedError(f"GET {path}: 404", "cure", status=404, message="not found")
        answer: dict[str, Any] = self.answers[path]
        return answer

    def facts(self) -> Facts:
        return FactsReader(self, lambda: NOW).read(NAMESPACE, POOL, self.stack)

    def answer(self) -> Cause:
        return first_cause(self.facts())

    @property
    def deployment(self) -> dict[str, Any]:
        found: dict[str, Any] = self.answers[f"{APPS}/deployments/{POOL}"]
        return found

    @property
    def template(self) -> dict[str, Any]:
        found: dict[str, Any] = self.deployment["spec"]["template"]["spec"]
        return found

    @property
    def pods(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.answers[f"{API}/pods"]["items"]
        return found

    @property
    def node(self) -> dict[str, Any]:
        """The one that the pool's selector names."""
        return next(node for node in self.answers["/api/v1/nodes"]["items"] if node["metadata"]["name"] == "lab")

    @property
    def runners(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.answers[f"{REGISTRAR}/runners"]["runners"]
        return found

    def cannot_create(self, message: str) -> None:
        """No second pod can be made."""
        self.pods.pop()
        conditions = [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}]
        self.deployment["status"]["conditions"] = conditions

    def unplaced(
        self, message: str = "0/2 nodes are available: 1 Insufficient nvidia.com/gpu. preemption: 0/2 nodes"
    ) -> None:
        """The second pod has no node."""
        pod = self.pods[-1]
        del pod["spec"]["nodeName"]
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        pod["status"] = {"phase": "Pending", "conditions": [condition] if message else []}

    def starting(self, **statuses: Any) -> dict[str, Any]:
        """The second pod has a node and is not online; statuses are of its containers, by their names."""
        pod = self.pods[-1]
        name = pod["metadata"]["name"]
        lists = {"initContainerStatuses": "registration", "containerStatuses": "runner"}
        pod["status"] = {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "True"}]}
        for key, container in lists.items():
            if container in statuses:
                pod["status"][key] = [{"name": container, **statuses[container]}]
        self.answers[f"{API}/events"]["items"] = []
        if f"{REGISTRAR}/runners" in self.answers:
            self.runners[:] = [runner for runner in self.runners if runner["name"] != name]
        return pod

    def ended(self, **terminated: Any) -> None:
        """The second pod's runner has ended, and nothing lives in its place."""
        pod = self.starting(runner={"state": {"terminated": terminated}})
        pod["status"]["phase"] = "Failed"

    def told(self, reason: str, message: str) -> None:
        """One more Event about the second pod."""
        name = self.pods[-1]["metadata"]["name"]
        event = {"involvedObject": {"name": name}, "reason": reason, "message": message,
                 "lastTimestamp": "2026-11-26T20:51:00Z"}  # fmt: skip
        self.answers[f"{API}/events"]["items"].append(event)

    def scaled(
        self, scaled_object: dict[str, Any] | None, *, replicas: int = 2, least: int = 0, served: bool = True
    ) -> None:
        """The pool follows the queue, up to four runners."""
        self.stack = StackFacts(stack="tests", replicas=None, pools=("workers",))
        annotations = {"gpu-runners.dev/most-runners": "4", "gpu-runners.dev/least-runners": str(least)}
        self.deployment["metadata"]["annotations"] |= annotations
        self.deployment["spec"]["replicas"] = replicas
        if served:
            self.answers["/apis/keda.sh/v1alpha1"] = {"resources": []}
        if scaled_object is not None:
            self.answers[SCALED] = {"spec": {"maxReplicaCount": 4}, **scaled_object}
        if not replicas:
            self.pods.clear()

    def queue(self, waiting: int, running: int) -> None:
        """The pool's jobs."""
        self.answers[f"{REGISTRAR}/queue"] = {
            KEY: {"waiting": waiting, "running": running, "wanted": waiting + running}
        }

    def forge(self, state: str, problem: str) -> None:
        """What the registrar says of its forge."""
        self.answers[f"{REGISTRAR}/forge"]["scopes"][0] |= {"state": state, "problem": problem}
        for path in ("runners", "queue", "unserved"):
            del self.answers[f"{REGISTRAR}/{path}"]
            self.refusals[f"{REGISTRAR}/{path}"] = (503, "ForgeUnknown")

    def no_registrar(self, **deployment: Any) -> None:
        """The API server's proxy reaches none."""
        for path in ("forge", "runners", "queue", "unserved"):
            self.answers.pop(f"{REGISTRAR}/{path}")
            self.refusals[f"{REGISTRAR}/{path}"] = (503, 'no endpoints available for service "https:registrar:8444"')
        if deployment:
            self.answers[f"/apis/apps/v1/namespaces/{PLATFORM}/deployments/registrar"] = deployment
        self.answers[f"/api/v1/namespaces/{PLATFORM}/pods"] = {"items": []}
