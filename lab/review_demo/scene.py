"""The stage: a stack of its own with platform and pools, a repository of its own, and the pull request's change."""

import copy
from typing import Any, Final

import yaml

NAMESPACE: Final = "review-demo"
SYSTEM: Final = "review-demo-system"
REPOSITORY: Final = "mlops/review-demo"
STACK: Final = "review-demo"
PRICES: Final = {"currency": "$", "hourly": {"H100-80GB-HBM3": 2.5, "A100-SIMULATED": 1.2}}
_PRODUCT: Final = "nvidia.com/gpu.product"

Config = dict[str, Any]


def main_branch(forge_url: str) -> Config:
    """The stack as it runs: one pool of one GPU."""
    return {
        "gpu-runners:forge": "gitea",
        "gpu-runners:namespace": NAMESPACE,
        "gpu-runners:runnerImage": "lab.local/gitea-runner:lab",
        "gpu-runners:allowImageTags": True,
        "gpu-runners:platform": {
            "scope": f"{forge_url}/{REPOSITORY}",
            "registrar": {"namespace": SYSTEM, "image": "lab.local/registrar:lab"},
            "environments": [
                {
                    "namespace": NAMESPACE,
                    "quota": {"gpus": 8},
                    "egress": [{"cidr": "10.85.0.1/32", "ports": [3000]}],
                }
            ],
        },
        "gpu-runners:pools": [_pool("cuda", "cml-gpu", "NVIDIA-A100-SIMULATED", 1)],
        "gpu-runners:poolDefaults": {
            "cpu": "50m", "memory": "256Mi", "sharedMemory": "16Mi", "workVolume": "256Mi", "protectJobSeconds": 60,
            "identity": "none", "autoscaled": False,
        },
    }  # fmt: skip


def pull_request(forge_url: str) -> Config:
    """It adds a pool without runners yet scaled up, and loosens what runners may reach."""
    config = copy.deepcopy(main_branch(forge_url))
    # The lab's H100 nodes are simulated and run no container: `up` would wait for runners that cannot come.
    config["gpu-runners:pools"][0]["replicas"] = 2
    config["gpu-runners:pools"].append(_pool("large", "h100", "NVIDIA-H100-80GB-HBM3", 0))
    config["gpu-runners:platform"]["environments"][0]["egress"].append({"cidr": "10.0.0.0/8"})
    return config


def text(config: Config) -> str:
    """The stack file."""
    return yaml.safe_dump({"config": config}, sort_keys=False)


def _pool(name: str, label: str, product: str, replicas: int) -> Config:
    return {
        "name": name,
        "labels": [label],
        "replicas": replicas,
        "image": "lab.local/cuda-mlops:lab",
        "gpu": {
            "count": 1,
            "resource": "nvidia.com/gpu",
            "nodeSelector": {_PRODUCT: product},
            "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        },
    }
