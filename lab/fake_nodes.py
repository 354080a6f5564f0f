"""kwok's nodes beside the real one: GPU nodes as a cloud pool labels and taints them, on which no container runs."""

import json

from lab import build, control_plane, node, paths
from lab.catalogue import program
from lab.daemon import Daemon

STAGES = (
    "kustomize/stage/node/fast/node-initialize.yaml",
    "kustomize/stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "kustomize/stage/pod/fast/pod-ready.yaml",
    "kustomize/stage/pod/fast/pod-complete.yaml",
    "kustomize/stage/pod/fast/pod-delete.yaml",
)
GPUS_PER_NODE = 8
PRODUCT = "NVIDIA-H100-80GB-HBM3"
TAINT = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}


def daemon() -> Daemon:
    """kwok, told to look after annotated nodes only, so that it leaves the real one alone."""
    module = build.kept_module("sigs.k8s.io/kwok", program("kwok").source)
    config = paths.STATE / "kwok-stages.yaml"
    stages = "\n---\n".join((module / stage).read_text() for stage in STAGES)
    argv = [
        str(paths.BIN / "kwok"), f"--config={config}", f"--kubeconfig={control_plane.PKI / 'admin.kubeconfig'}",
        "--manage-all-nodes=false", "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        "--node-lease-duration-seconds=40", "--server-address=127.0.0.1:10247", "--cidr=10.87.0.0/16",
        "--node-ip=127.0.0.1",
    ]  # fmt: skip
    healthy = "http://127.0.0.1:10247/healthz"
    return Daemon("kwok", argv, files={config: stages}, ready=lambda: control_plane.answers(healthy))


def scale(count: int) -> None:
    """Makes exactly `count` fake nodes: gpu-000, gpu-001, …; those beyond are deleted."""
    wanted = [_node(number) for number in range(count)]
    if wanted:
        items = {"apiVersion": "v1", "kind": "List", "items": wanted}
        node.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(items))
    names = {str(item["metadata"]["name"]) for item in wanted}
    extra = sorted(set(names_in_cluster()) - names)
    if extra:
        node.kubectl("delete", "node", *extra)


def names_in_cluster() -> list[str]:
    """Names of the fake nodes that exist."""
    return node.kubectl("get", "nodes", "-l", "type=kwok", "-o", "jsonpath={.items[*].metadata.name}").split()


def _node(number: int) -> dict[str, dict[str, object]]:
    capacity = {
        "cpu": "96",
        "memory": "1Ti",
        "ephemeral-storage": "4Ti",
        "pods": "110",
        node.GPU_RESOURCE: str(GPUS_PER_NODE),
    }
    return {
        "apiVersion": "v1",  # type: ignore[dict-item]
        "kind": "Node",  # type: ignore[dict-item]
        "metadata": {
            "name": f"gpu-{number:03}",
            "annotations": {"kwok.x-k8s.io/node": "fake", "node.alpha.kubernetes.io/ttl": "0"},
            "labels": {
                "type": "kwok",
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/os": "linux",
                "kubernetes.io/hostname": f"gpu-{number:03}",
                "nvidia.com/gpu.present": "true",
                "nvidia.com/gpu.product": PRODUCT,
                "nvidia.com/gpu.count": str(GPUS_PER_NODE),
                "node.kubernetes.io/instance-type": "a3-highgpu-8g",
            },
        },
        "spec": {"taints": [TAINT]},
        "status": {"allocatable": capacity, "capacity": capacity},
    }
