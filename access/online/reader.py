"""The thin edge of the wait: reads a stack's pools from the API server, in one thread.

Pods are read anew each time. Deployments and events, which tell no progress, are remembered for seconds; but no wait
ends by what is remembered.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from access.cluster.errors import ClusterLoginError, ClusterRefusedError, ClusterUnreachableError
from access.online.progress import is_complete
from access.online.snapshot import Json, PoolSnapshot, pool_snapshot
from access.online.wait import ClusterReadError, PoolsUnreadError
from values.contract import POOL_LABEL

# Lists of events are long and tell nothing while all goes well.
EVENTS_AFTER_SECONDS: Final = 2.0
EVENTS_EVERY_SECONDS: Final = 2.0

# Of Deployments whose controller has seen their template.
DEPLOYMENTS_EVERY_SECONDS: Final = 2.0

# A cluster that is away comes back; a login that fails for so long does not: the job whose login it is may have been
# cancelled, which Gitea tells no runner whose registration ends with its job.
LOGIN_SECONDS: Final = 30.0

JSON: Final = "application/json"
# Of ReplicaSets only labels and annotations matter, and each holds a whole template of a pod.
METADATA: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

Place = tuple[str, str]


class Get(Protocol):
    """Asks the API server for a list."""

    def __call__(self, path: str, parameters: Mapping[str, str], *, accept: str = JSON) -> Mapping[str, Any]:
        """The JSON object at a path."""


class PoolReader:
    """Reads pools, given as (namespace, name). get asks the API server; now gives seconds."""

    def __init__(self, get: Get, pools: Sequence[Place], now: Callable[[], float]) -> None:
        self._get, self._pools, self._now = get, pools, now
        self._namespaces = sorted({namespace for namespace, _ in pools})
        self._events: dict[Place, list[Json]] = {}
        self._next_events = now() + EVENTS_AFTER_SECONDS
        self._deployments: dict[Place, Json] = {}
        self._replica_sets: dict[Place, list[Json]] = {}
        self._next_deployments = now()
        self._versions: dict[str, str] = {}
        self._login_fails_since: float | None = None

    @property
    def versions(self) -> Mapping[str, str]:
        """The resourceVersion of the pods that were read last, by namespace: from there on they can be watched."""
        return self._versions

    def read(self) -> list[PoolSnapshot]:
        """All pools as they are now. Raises ClusterReadError, or PoolsUnreadError when it is not allowed to look."""
        remembered = self._now() < self._next_deployments
        if not remembered:
            self._read_deployments()
        pods: dict[Place, list[Json]] = defaultdict(list)
        for namespace in self._namespaces:
            answer = self._ask(pods_path(namespace), labelSelector=POOL_LABEL)
            self._versions[namespace] = str((answer.get("metadata") or {}).get("resourceVersion", ""))
            for item in answer.get("items") or []:
                pods[namespace, _pool_of(item)].append(item)
        self._read_events()
        pools = self._snapshots(pods)
        if remembered and all(map(is_complete, pools)):
            self._read_deployments()
            pools = self._snapshots(pods)
        if not all(pool.exists and pool.settled for pool in pools):
            self._next_deployments = self._now()
        return pools

    def _read_deployments(self) -> None:
        deployments: dict[Place, Json] = {}
        replica_sets: dict[Place, list[Json]] = defaultdict(list)
        for namespace in self._namespaces:
            apps = f"/apis/apps/v1/namespaces/{namespace}"
            for item in self._list(f"{apps}/deployments", labelSelector=POOL_LABEL):
                deployments[namespace, item["metadata"]["name"]] = item
            for item in self._list(f"{apps}/replicasets", METADATA, labelSelector=POOL_LABEL):
                replica_sets[namespace, _pool_of(item)].append(item)
        self._deployments, self._replica_sets = deployments, replica_sets
        self._next_deployments = self._now() + DEPLOYMENTS_EVERY_SECONDS

    def _snapshots(self, pods: Mapping[Place, Sequence[Json]]) -> list[PoolSnapshot]:
        return [
            pool_snapshot(
                self._label(place),
                self._deployments.get(place),
                self._replica_sets.get(place, ()),
                pods.get(place, ()),
                (e for pod in pods.get(place, ()) for e in self._events.get((place[0], pod["metadata"]["name"]), ())),
            )
            for place in self._pools
        ]

    def _read_events(self) -> None:
        if self._now() < self._next_events:
            return
        events: dict[Place, list[Json]] = defaultdict(list)
        for namespace in self._namespaces:
            path = f"/api/v1/namespaces/{namespace}/events"
            for item in self._list(path, fieldSelector="involvedObject.kind=Pod"):
                events[namespace, item["involvedObject"].get("name", "")].append(item)
        self._events = events
        self._next_events = self._now() + EVENTS_EVERY_SECONDS

    def _list(self, path: str, accept: str = JSON, **selectors: str) -> Iterable[Json]:
        items: Iterable[Json] = self._ask(path, accept, **selectors).get("items") or []
        return items

    def _ask(self, path: str, accept: str = JSON, **selectors: str) -> Mapping[str, Any]:
        try:
            answer = self._get(path, selectors, accept=accept)
        except ClusterRefusedError as error:
            if error.status in (401, 403):
                raise PoolsUnreadError(
                    f"the pools are declared, but this identity may not list {path}: {error.message}. "
                    "Name this stack in the `deployer` of the platform stack's environment"
                ) from error
            raise ClusterReadError(f"the API server answered {error.status} to {path}") from error
        except ClusterLoginError as error:
            if self._login_fails_since is None:
                self._login_fails_since = self._now()
            if self._now() - self._login_fails_since >= LOGIN_SECONDS:
                raise PoolsUnreadError(f"{error.problem.found}. {error.problem.cure}") from error
            raise ClusterReadError(error.problem.found) from error
        except ClusterUnreachableError as error:
            raise ClusterReadError(error.problem.found) from error
        self._login_fails_since = None
        return answer

    def _label(self, place: Place) -> str:
        """What people call the pool: its name alone suffices in a single namespace."""
        return place[1] if len(self._namespaces) == 1 else "/".join(place)


def pods_path(namespace: str) -> str:
    """Where the pods of a namespace are."""
    return f"/api/v1/namespaces/{namespace}/pods"


def _pool_of(item: Json) -> str:
    return str(item["metadata"]["labels"][POOL_LABEL])
