"""What a wait is to know of a stack's declared pools: what is not brought up, scaled by hand, asleep. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from access.online.snapshot import PoolSnapshot
from gpu_runners.declared_pools import DeclaredPool, configured_names
from gpu_runners.errors import CommandFailedError
from gpu_runners.state.expectation import config_text

Json = Mapping[str, Any]
_DEADLINE_KEY: Final = "gpu-runners:onlineDeadlineSeconds"
# As the program's own parser has it (config/stack.py).
_SHORTEST_SECONDS: Final = 10
_LONGEST_SECONDS: Final = 86_400


def not_brought_up(config: Json, pools: Iterable[DeclaredPool]) -> list[str]:
    """Names of the pools that the config, as Pulumi prints it, has and the state has not."""
    configured = configured_names(config)
    if configured is None:
        return []  # the program refuses such a config, and no `up` came of it
    names = set(configured)
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
