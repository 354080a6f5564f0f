"""Rests until there is news of the runners that are missing, instead of asking the API server again and again.

A watch of the pods from where they were read last, so that nothing between two reads is missed. It decides nothing:
what it hears only ends the rest, and the next read is of the whole. Whoever cannot watch sleeps, as without it.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final, Protocol

from access.clock import Clock
from access.cluster.errors import ClusterRefusedError, ClusterUnreachableError
from access.online.progress import is_complete
from access.online.reader import PoolReader, pods_path
from access.online.snapshot import Json, PoolSnapshot
from values.contract import ONLINE_GATE, POOL_LABEL

# For what is said meanwhile, and for causes that no pod tells.
LONGEST_REST_SECONDS: Final = 2


class Watch(Protocol):
    """Asks the API server what happens to the objects at a path."""

    def __call__(self, path: str, parameters: Mapping[str, str], seconds: int) -> Generator[dict[str, Any], None, None]:
        """Events, for so many seconds at most."""


class PodNews:
    """Of the pods that a reader read last. Several namespaces cannot be watched at once: then the clock sleeps."""

    def __init__(self, watch: Watch, reader: PoolReader, clock: Clock) -> None:
        self._watch, self._reader, self._clock = watch, reader, clock

    def rest(self, seconds: float, pools: Sequence[PoolSnapshot]) -> None:
        """Ends when as many runners came online as were missing, or two seconds have passed; without news to wait for,
        after so many seconds.
        """
        began = self._clock.now()
        missing = missing_runners(pools)
        if missing and len(self._reader.versions) == 1 and self._have_come(missing, online_names(pools)):
            return
        self._clock.sleep(max(0.0, seconds - (self._clock.now() - began)))

    def _have_come(self, missing: int, before: frozenset[str]) -> bool:
        """Whether so many came online, but for those that were before."""
        ((namespace, version),) = self._reader.versions.items()
        selectors = {"labelSelector": POOL_LABEL, "resourceVersion": version}
        came: set[str] = set()
        try:
            with closing(self._watch(pods_path(namespace), selectors, LONGEST_REST_SECONDS)) as events:
                for event in events:
                    if event.get("type") == "ERROR":  # e.g. that it is too long ago
                        return False
                    if is_online(event["object"]):
                        came.add(event["object"]["metadata"]["name"])
                    if len(came - before) >= missing:
                        return True
        except (ClusterRefusedError, ClusterUnreachableError):
            return False  # the next read tells what is wrong
        return False


def missing_runners(pools: Sequence[PoolSnapshot]) -> int:
    """How many runners have to come online until all pools are complete; 0 where it is not only that."""
    incomplete = [pool for pool in pools if not is_complete(pool)]
    if any(not pool.exists or pool.replicas == 0 for pool in incomplete):
        return 0
    return sum(max(0, pool.replicas - sum(pod.online for pod in pool.pods)) for pool in incomplete)


def online_names(pools: Sequence[PoolSnapshot]) -> frozenset[str]:
    """The pods that are online."""
    return frozenset(pod.name for pool in pools for pod in pool.pods if pod.online)


def is_online(pod: Json) -> bool:
    """Whether the gate of a pod is set."""
    conditions = pod.get("status", {}).get("conditions", ())
    return any(condition["type"] == ONLINE_GATE and condition["status"] == "True" for condition in conditions)
