"""What is in the cluster: 100 nodes, and 20 pools in four namespaces, whose pods are as the program declares them."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from components.labels import pool_labels, selector_labels
from components.pools.runner_pod import pod_template
from tests.scale.kubernetes import MERGE, Json, Kubernetes
from values.contract import IDLE_SECONDS_ANNOTATION, LEAST_RUNNERS_ANNOTATION, MOST_RUNNERS_ANNOTATION
from values.pool import RunnerPool

NODES: Final = 100
GPUS_PER_NODE: Final = 16  # two pools' worth of what 1,000 runners need: placing them is not what is measured
GPU: Final = "nvidia.com/gpu"
TEAMS: Final = ("research", "speech", "vision", "robots")
POOLS: Final = 20
ACCOUNT: Final = "runner"
# Names of maps whose keys are somebody's own words, not fields.
_FREE: Final = frozenset({"labels", "annotations", "node_selector", "requests", "limits", "match_labels"})


@dataclass(frozen=True)
class Pool:
    """`label` is what its jobs name in `runs-on`; `repository` whose jobs it takes."""

    namespace: str
    name: str
    label: str
    repository: str
    runners: int


def pools(runners: int, repositories: int) -> tuple[Pool, ...]:
    """20 pools over four teams that have so many runners together; 10 runners are in ten of them."""
    shares = [runners // POOLS + (number < runners % POOLS) for number in range(POOLS)]
    return tuple(
        Pool(
            namespace=TEAMS[number % len(TEAMS)], name=f"pool-{number:02}", label=f"gpu-{number:02}",
            repository=f"mlops/model-{number % repositories:02}", runners=share,
        )
        for number, share in enumerate(shares)
    )  # fmt: skip


async def build(api: Kubernetes, declared: tuple[Pool, ...], forge: str, *, replicas: bool) -> None:
    """Nodes, namespaces, accounts and Deployments; without `replicas` every pool is at zero."""
    await asyncio.gather(*(_add_node(api, number) for number in range(NODES)))
    await asyncio.gather(*(_add_namespace(api, team) for team in TEAMS))
    await asyncio.gather(
        *(api.create(_deployments(pool), deployment(pool, forge, pool.runners if replicas else 0)) for pool in declared)
    )


async def scale(api: Kubernetes, pool: Pool, replicas: int) -> None:
    """Set the number of runners of a pool."""
    body = {"spec": {"replicas": replicas}}
    await api.ask("PATCH", f"{_deployments(pool)}/{pool.name}", body, kind=MERGE)


def _deployments(pool: Pool) -> str:
    return f"/apis/apps/v1/namespaces/{pool.namespace}/deployments"


async def _add_namespace(api: Kubernetes, name: str) -> None:
    await api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    await api.create(f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": ACCOUNT}})


async def _add_node(api: Kubernetes, number: int) -> None:
    name = f"gpu-{number:03}"
    capacity = {"cpu": "512", "memory": "8Ti", "ephemeral-storage": "64Ti", "pods": "110", GPU: str(GPUS_PER_NODE)}
    labels = {"kubernetes.io/hostname": name, "nvidia.com/gpu.product": "NVIDIA-L4"}
    taint = {"key": GPU, "value": "present", "effect": "NoSchedule"}
    await api.create("/api/v1/nodes", {"metadata": {"name": name, "labels": labels}, "spec": {"taints": [taint]}})
    ready = {"type": "Ready", "status": "True", "reason": "StandIn"}
    await api.patch_status(
        f"/api/v1/nodes/{name}", {"capacity": capacity, "allocatable": capacity, "conditions": [ready]}
    )


def runner_pool(pool: Pool, forge: str) -> RunnerPool:
    """The pool as a stack would have it."""
    return {
        "name": pool.name, "namespace": pool.namespace, "labels": [pool.label], "replicas": pool.runners,
        "image": "registry.example.com/mlops/cuda:12.8", "runner_image": "registry.example.com/mlops/runner:1",
        "forge": forge,
        "gpu": {
            "resource": GPU, "count": 1, "node_selector": {"nvidia.com/gpu.product": "NVIDIA-L4"},
            "tolerations": [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}],
        },
        "cpu": "2", "memory": "8Gi", "shared_memory": "1Gi", "work_volume": "20Gi", "ephemeral_storage": "10Gi",
        "protect_job_seconds": 3600, "identity": "none", "image_pull_policy": "IfNotPresent", "autoscaled": True,
        "autoscaling": {"min": pool.runners, "max": max(1, 2 * pool.runners), "idle_seconds": 300},
    }  # fmt: skip


def deployment(pool: Pool, forge: str, replicas: int) -> Json:
    """As it goes over the wire."""
    declared = runner_pool(pool, forge)
    autoscaling = declared["autoscaling"]
    bounds = {
        MOST_RUNNERS_ANNOTATION: str(autoscaling["max"]),
        LEAST_RUNNERS_ANNOTATION: str(autoscaling["min"]),
        IDLE_SECONDS_ANNOTATION: str(autoscaling["idle_seconds"]),
    }
    template = wire(pod_template(declared))
    template["spec"]["serviceAccountName"] = ACCOUNT
    return {
        "metadata": {
            "name": pool.name, "namespace": pool.namespace, "labels": dict(pool_labels(pool.name)),
            "annotations": bounds,
        },
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": dict(selector_labels(pool.name))}, "template": template
        },
    }  # fmt: skip


def wire(value: Any, name: str = "") -> Any:
    """Fields' names as Kubernetes writes them, e.g. `initContainers`; Pulumi's SDK writes `init_containers`."""
    if isinstance(value, list | tuple):
        return [wire(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    return {key if name in _FREE else _camel(key): wire(entry, key) for key, entry in value.items()}


def _camel(key: str) -> str:
    first, *rest = key.rstrip("_").split("_")
    return first + "".join(part.capitalize() for part in rest)
