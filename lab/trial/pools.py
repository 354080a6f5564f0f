"""The config of test stacks that hold pools: small runners in the test platform's namespace."""

from typing import Any

NAMESPACE = "gpu-runners-test"
SYSTEM_NAMESPACE = "gpu-runners-test-system"
REPOSITORY = "mlops/tests"
IMAGE = "lab.local/cuda-mlops:lab"
PRODUCT = "NVIDIA-A100-SIMULATED"  # the real node's; the others cannot run a container

Config = dict[str, Any]


def pools_config(*pools: Config, online_deadline_seconds: int = 60) -> Config:
    """A stack of pools and nothing else."""
    return {
        "gpu-runners:forge": "gitea",
        "gpu-runners:namespace": NAMESPACE,
        "gpu-runners:runnerImage": "lab.local/gitea-runner:lab",
        "gpu-runners:allowImageTags": True,
        "gpu-runners:onlineDeadlineSeconds": online_deadline_seconds,
        "gpu-runners:poolDefaults": {
            "cpu": "50m",
            "memory": "256Mi",
            "sharedMemory": "16Mi",
            "workVolume": "256Mi",
            "protectJobSeconds": 300,
            "identity": "none",
            "autoscaled": False,
        },
        "gpu-runners:pools": list(pools),
    }


def pool(name: str, replicas: int = 1, **fields: Any) -> Config:
    """A pool whose only label is its name."""
    return {"name": name, "labels": [name], "replicas": replicas, "image": IMAGE, **fields}


def gpus(count: int, product: str = PRODUCT) -> Config:
    """The `gpu` of a pool on the lab's nodes."""
    return {
        "count": count,
        "resource": "nvidia.com/gpu",
        "nodeSelector": {"nvidia.com/gpu.product": product},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    }
