"""The pools that a stack declares: those that its state holds, and those that only its config names. Pure."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from access.online.snapshot import PoolSnapshot
from gpu_runners.errors import CommandFailedError
from gpu_runners.state.expectation import config_text
from values.contract import POOL_LABEL

Json = Mapping[str, Any]
_DEPLOYMENT: Final = "kubernetes:apps/v1:Deployment"
_DEADLINE_KEY: Final = "gpu-runners:onlineDeadlineSeconds"
# As the program's own parser has it (config/stack.py).
_SHORTEST_SECONDS: Final = 10
_LONGEST_SECONDS: Final = 86_400


@dataclass(frozen=True)
class DeclaredPool:
    """A pool as the last `up` left it. replicas is None where an autoscaler sets them."""

    namespace: str
    name: str
    replicas: int | None


def declared_pools(resources: Iterable[Json]) -> list[DeclaredPool]:
    """The pools of a state that was held against the allow-list, by namespace and name."""
    pools = [_pool(resource) for resource in resources if _is_pool(resource)]
    return sorted(pools, key=lambda pool: (pool.namespace, pool.name))


def _is_pool(resource: Json) -> bool:
    """Whether it is the Deployment of a pool, and not one that only waits to be deleted."""
    labels = _mapping(_mapping(_mapping(resource, "inputs"), "metadata"), "labels")
    return resource.get("type") == _DEPLOYMENT and not resource.get("delete") and POOL_LABEL in labels


def _pool(resource: Json) -> DeclaredPool:
    inputs = _mapping(resource, "inputs")
    metadata, replicas = _mapping(inputs, "metadata"), _mapping(inputs, "spec").get("replicas")
    is_scaled = "spec.replicas" in (resource.get("ignoreChanges") or ())
    return DeclaredPool(
        namespace=str(metadata.get("namespace")),
        name=str(metadata.get("name")),
        replicas=int(replicas) if isinstance(replicas, int | float) and not is_scaled else None,
    )


def not_brought_up(config: Json, pools: Iterable[DeclaredPool]) -> list[str]:
    """Names of the pools that the config, as Pulumi prints it, has and the state has not."""
    try:
        configured = json.loads(config_text(config.get("gpu-runners:pools") or {}) or "[]")
    except ValueError:
        return []  # the program refuses such a config, and no `up` came of it
    named = configured if isinstance(configured, list) else []
    names = {str(pool["name"]) for pool in named if isinstance(pool, dict) and "name" in pool}
    return sorted(names - {pool.name for pool in pools})


def deadline_seconds(config: Json) -> int:
    """How long the stack lets a wait take. Raises CommandFailedError."""
    text = config_text(config.get(_DEADLINE_KEY) or {})
    if re.fullmatch("[0-9]{1,6}", text) and _SHORTEST_SECONDS <= int(text) <= _LONGEST_SECONDS:
        return int(text)
    allowed = f"a whole number of seconds from {_SHORTEST_SECONDS} to {_LONGEST_SECONDS}"
    cure = f"`pulumi config set {_DEADLINE_KEY} 900` writes one"
    raise CommandFailedError(f"{_DEADLINE_KEY}: found {text[:40]!r}; allowed: {allowed}; {cure}")


def scaled_down(pools: Sequence[DeclaredPool], seen: Sequence[PoolSnapshot]) -> list[str]:
    """A line for each pool of which the cluster wants fewer runners than the last `up` declared."""
    return [
        f"  {live.name}: {live.replicas} of {declared.replicas} replicas, as somebody scaled the Deployment\n"
        f"    cure: `kubectl scale --namespace {declared.namespace} deployment/{declared.name} "
        f"--replicas={declared.replicas}`, or `gpu-runners repair`"
        for declared, live in zip(pools, seen, strict=True)
        if declared.replicas is not None and live.exists and live.replicas < declared.replicas
    ]


def asleep(pools: Sequence[DeclaredPool], seen: Sequence[PoolSnapshot]) -> list[str]:
    """A line for each pool that is to have no runner now."""
    return [
        f"{live.name}: no runner now, as its autoscaler wants none: its next job brings one"
        if declared.replicas is None
        else f"{live.name}: no runner, as the stack declares 0 replicas: jobs for it wait until that is changed"
        for declared, live in zip(pools, seen, strict=True)
        if live.exists and live.replicas == 0 and not declared.replicas
    ]


def _mapping(values: Json, key: str) -> Json:
    value = values.get(key)
    return value if isinstance(value, dict) else {}
