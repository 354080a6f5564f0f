"""A container from which a test tries things: a runner's, the registrar's, or a stranger's."""

from dataclasses import dataclass

from lab.trial.deadline import until
from lab.trial.kubernetes import Json, KubernetesApi


@dataclass(frozen=True)
class Place:
    """A container to try things from."""

    namespace: str
    pod: str
    container: str
    address: str

    def command(self, *arguments: str) -> list[str]:
        return ["kubectl", "exec", "-i", "-n", self.namespace, self.pod, "-c", self.container, "--", *arguments]


def plain_pod(api: KubernetesApi, namespace: str) -> Place:
    """A pod of a namespace without any policy, with Python in it."""
    api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    account = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
    until(f"{namespace} has its default account", lambda: api.find(account), 15)
    container = {
        "name": "python",
        "image": "lab.local/cuda-mlops:lab",
        "imagePullPolicy": "Never",
        "command": ["python3", "-c", "import time; time.sleep(600)"],
    }
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    api.create(f"/api/v1/namespaces/{namespace}/pods", {"metadata": {"name": "python"}, "spec": spec})
    path = f"/api/v1/namespaces/{namespace}/pods/python"

    def running() -> Json | None:
        pod = api.get(path)
        return pod if pod["status"].get("phase") == "Running" else None

    pod = until(f"the pod of {namespace} runs", running, 30)
    return Place(namespace, "python", "python", pod["status"]["podIP"])
