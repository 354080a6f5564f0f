"""The pools that a stack declares: those that its state holds, and those that only its config names. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gpu_runners.state.expectation import config_text
from values.contract import POOL_LABEL, RUNNER_LABELS_ANNOTATION
from values.kubernetes_syntax import is_extended_resource

Json = Mapping[str, Any]
_DEPLOYMENT: Final = "kubernetes:apps/v1:Deployment"


@dataclass(frozen=True)
class DeclaredPool:
    """A pool as the last `up` left it. replicas is None where an autoscaler sets them; gpus are one runner's."""

    namespace: str
    name: str
    replicas: int | None
    labels: tuple[str, ...] = ()
    gpus: int = 0

    @property
    def key(self) -> str:
        """As the registrar names it."""
        return f"{self.namespace}/{self.name}"


def declared_pools(resources: Iterable[Json]) -> list[DeclaredPool]:
    """The pools of a state that was held against the allow-list, by namespace and name."""
    pools = [_pool(resource) for resource in resources if _is_pool(resource)]
    return sorted(pools, key=lambda pool: (pool.namespace, pool.name))


def configured_names(config: Json) -> tuple[str, ...] | None:
    """Names of the pools in a config, as Pulumi prints it; None for a config that the program refuses."""
    try:
        configured = json.loads(config_text(config.get("gpu-runners:pools") or {}) or "[]")
    except ValueError:
        return None
    named = configured if isinstance(configured, list) else []
    return tuple(sorted({str(pool["name"]) for pool in named if isinstance(pool, dict) and "name" in pool}))


def _is_pool(resource: Json) -> bool:
    """Whether it is the Deployment of a pool, and not one that only waits to be deleted."""
    labels = _mapping(_mapping(_mapping(resource, "inputs"), "metadata"), "labels")
    return resource.get("type") == _DEPLOYMENT and not resource.get("delete") and POOL_LABEL in labels


def _pool(resource: Json) -> DeclaredPool:
    inputs = _mapping(resource, "inputs")
    metadata, spec = _mapping(inputs, "metadata"), _mapping(inputs, "spec")
    template, replicas = _mapping(spec, "template"), spec.get("replicas")
    is_scaled = "spec.replicas" in (resource.get("ignoreChanges") or ())
    labels = str(_mapping(_mapping(template, "metadata"), "annotations").get(RUNNER_LABELS_ANNOTATION) or "")
    return DeclaredPool(
        namespace=str(metadata.get("namespace")),
        name=str(metadata.get("name")),
        replicas=int(replicas) if isinstance(replicas, int | float) and not is_scaled else None,
        labels=tuple(label for label in labels.split(",") if label),
        gpus=_gpus(_mapping(template, "spec")),
    )


def _gpus(pod: Json) -> int:
    """What the containers of a pod's spec may have of devices together."""
    total = 0
    for container in pod.get("containers") or ():
        limits = _mapping(_mapping(container, "resources"), "limits")
        total += sum(
            int(float(count))
            for name, count in limits.items()
            if is_extended_resource(name) and str(count).replace(".", "", 1).isdecimal()
        )
    return total


def _mapping(values: Json, key: str) -> Json:
    value = values.get(key)
    return value if isinstance(value, dict) else {}
