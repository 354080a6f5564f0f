"""A pool's DaemonSet that has its images pulled on every node that may hold one of its runners. Pure.

Kubernetes has no other way to have an image on a node before a pod needs it. The pod asks for next to nothing, for no
device, and has no token; its image of jobs may be collected again where a node's disk is nearly full, as any that does
not run.
"""

from typing import TYPE_CHECKING, Final

from components.labels import object_labels
from components.pools.confinement import confined_pod, unprivileged
from components.prepull_container import (
    IMAGE_CONTAINER,
    PULLED,
    PULLED_FOR,
    REQUESTS,
    WAIT,
    WAITING_CONTAINER,
)
from values.contract import PREPULL_LABEL
from values.placement import LINUX
from values.pod_variables import no_devices
from values.pool import RunnerPool

if TYPE_CHECKING:
    import pulumi_kubernetes as k8s

NAME_SUFFIX: Final = "-prepull"


def prepull_labels(pool: str) -> dict[str, str]:
    """Of the DaemonSet and of its pods, which are no runners: the registrar does not see them."""
    return {**object_labels(PULLED_FOR), PREPULL_LABEL: pool}


def prepull_spec(pool: RunnerPool) -> "k8s.apps.v1.DaemonSetSpecArgsDict":
    """The DaemonSet of a pool with `prepull`, which has a `gpu`."""
    return {
        "selector": {"match_labels": {PREPULL_LABEL: pool["name"]}},
        "update_strategy": {"type": "RollingUpdate", "rolling_update": {"max_unavailable": "100%", "max_surge": 0}},
        "min_ready_seconds": 0,
        "revision_history_limit": 3,
        "template": {"metadata": {"labels": prepull_labels(pool["name"])}, "spec": _pod_spec(pool)},
    }


def _pod_spec(pool: RunnerPool) -> "k8s.core.v1.PodSpecArgsDict":
    gpu = pool["gpu"]
    secrets = pool.get("pull_secrets")
    return {
        **confined_pod(),
        "termination_grace_period_seconds": 1,
        "node_selector": {**LINUX, **gpu["node_selector"]},  # it asks for no device
        "tolerations": [{**toleration} for toleration in gpu["tolerations"]],
        "init_containers": [_container(pool, IMAGE_CONTAINER, pool["image"], PULLED)],
        "containers": [_container(pool, WAITING_CONTAINER, pool["runner_image"], WAIT)],
        **({"image_pull_secrets": [{"name": name} for name in secrets]} if secrets else {}),
    }


def _container(pool: RunnerPool, name: str, image: str, script: str) -> "k8s.core.v1.ContainerArgsDict":
    return {
        "name": name,
        "image": image,
        "image_pull_policy": pool["image_pull_policy"],
        "command": ["/bin/sh", "-c", script],
        # A CUDA image says "all", and without a request the NVIDIA runtime would believe it.
        "env": [{"name": variable, "value": value} for variable, value in sorted(no_devices(()).items())],
        "resources": {
            "requests": dict(REQUESTS),
            "limits": {resource: amount for resource, amount in REQUESTS.items() if resource != "cpu"},
        },
        "security_context": unprivileged(),
    }
