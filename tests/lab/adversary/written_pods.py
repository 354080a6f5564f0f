"""Pods as the program writes them, with every option that a pool has; hostile ones are made of them."""

import copy
from collections.abc import Callable
from typing import Any, Final

from components.pools.runner_deployment import RunnerDeployment
from tests.program.recorded import run
from values.pool import RunnerPool
from values.proxy import Proxy

Json = dict[str, Any]
Change = Callable[[Json], object]

NAMESPACE: Final = "gpu-runners-closed"
BASE: Final = "gpu-runners-closed-base"
EXTRAS: Final = "gpu-runners-closed-extras"  # where extras are granted
CLASS: Final = "gpu-runners-closed"  # a RuntimeClass and a PriorityClass of the tests
DEPLOYER: Final = f"system:serviceaccount:{BASE}:deployer"
A100: Final = {"nvidia.com/gpu.product": "NVIDIA-A100-SIMULATED"}

PLAIN: Final[RunnerPool] = {
    "name": "closed",
    "namespace": NAMESPACE,
    "labels": ["closed"],
    "replicas": 1,
    "image": "lab.local/cuda-mlops:lab",
    "runner_image": "lab.local/gitea-runner:lab",
    "forge": "gitea",
    "cpu": "50m",
    "memory": "256Mi",
    "shared_memory": "16Mi",
    "work_volume": "256Mi",
    "ephemeral_storage": "1Gi",
    "protect_job_seconds": 300,
    "identity": "none",
    "image_pull_policy": "IfNotPresent",
    "autoscaled": False,
}


def _gpu(resource: str, count: int, taint: str) -> Json:
    tolerations = [
        {"key": taint, "operator": "Exists", "effect": "NoSchedule"},
        {"key": "sku", "operator": "Equal", "value": "gpu"},
    ]
    return {"resource": resource, "count": count, "node_selector": A100, "tolerations": tolerations}


WRITTEN: Final[dict[str, Json]] = {
    "without GPU": {},
    "with NVIDIA GPUs": {"gpu": _gpu("nvidia.com/gpu", 8, "nvidia.com/gpu")},
    "with slices of a GPU": {"gpu": _gpu("nvidia.com/mig-1g.10gb", 7, "nvidia.com/gpu")},
    "with AMD GPUs": {"gpu": _gpu("amd.com/gpu", 2, "amd.com/gpu")},
    "at GitHub": {"forge": "github", "autoscaled": True, "replicas": 0},
    "with several labels": {"labels": ["gpu", "closed", "Mixed.Case-1"]},
    "as large as can be": {
        "name": "n" * 40,
        "cpu": "64",
        "memory": "1536Gi",
        "shared_memory": "512Gi",
        "work_volume": "800Gi",
        "ephemeral_storage": "100Gi",
        "protect_job_seconds": 432000,
    },
    "pulled always": {"image_pull_policy": "Always"},
    "by digest": {"image": f"lab.local/deep/cuda-mlops:lab@sha256:{'0' * 64}"},
}
# Base runners, in the namespace of those that deploy.
WRITTEN_BASE: Final[dict[str, Json]] = {
    identity: {
        "namespace": BASE,
        "labels": ["self-hosted"],
        "identity": identity,
        "image": "lab.local/pulumi:lab",
    }
    for identity in ("none", "deployer", "previewer")
}
WRITTEN_BASE["deployer at GitHub"] = {**WRITTEN_BASE["deployer"], "forge": "github"}

# What the third namespace of tests/lab/stacks/closed.yaml grants, and no other does.
WRITTEN_EXTRAS: Final[dict[str, Json]] = {
    "with a pull Secret": {"pull_secrets": ["registry"]},
    "with two pull Secrets": {"pull_secrets": ["second", "registry"]},
    "with variables": {"env": {"HF_HOME": "/work/home/hf", "PIP_CACHE_DIR": ""}},
    "behind a proxy": {"proxy": Proxy("http://10.85.0.1:3128", ("example.com",)).variables},
    "with a cache to read": {"caches": [{"claim": "datasets", "writable": False}]},
    "with caches": {"caches": [{"claim": "models", "writable": True}, {"claim": "datasets", "writable": False}]},
    "with a cache to read that may be written": {"caches": [{"claim": "models", "writable": False}]},
    "in a sandbox": {"runtime_class": CLASS},
    "with a priority": {"priority_class": CLASS},
}


def deployment(**changes: Any) -> Json:
    """A Deployment that the program writes for a pool."""
    pool: Any = {**PLAIN, **changes}
    (found,) = run(lambda: RunnerDeployment("closed", pool)).of("Deployment")
    written: Json = copy.deepcopy(found.inputs)
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": written["metadata"], "spec": written["spec"]}


def pod(written: Json) -> Json:
    """A Deployment's pod, as its ReplicaSet would make it but for the owner."""
    template = copy.deepcopy(written["spec"]["template"])
    template["metadata"]["name"] = "thrown"
    template["metadata"]["labels"]["pod-template-hash"] = "0123456789"
    return {"apiVersion": "v1", "kind": "Pod", **template}
