"""Who holds the GPUs of the real node: a test that needs them waits until nobody does."""

from lab import node
from lab.trial.deadline import until
from lab.trial.kubernetes import KubernetesApi

SECONDS = 60.0


def gpu_holders(api: KubernetesApi) -> list[str]:
    """Pods on the real node that hold GPUs, as namespace/name."""
    pods = api.items("/api/v1/pods", fields=f"spec.nodeName={node.NAME}")
    return [
        f"{item['metadata']['namespace']}/{item['metadata']['name']}"
        for item in pods
        if any(node.GPU_RESOURCE in c["resources"].get("limits", {}) for c in item["spec"]["containers"])
        and item["status"]["phase"] in ("Pending", "Running")
    ]


def until_gpus_are_free(api: KubernetesApi) -> None:
    """Raises LabError that names who holds them."""
    until("nobody holds a GPU of the lab", lambda: not gpu_holders(api), SECONDS, seen=lambda: gpu_holders(api))
