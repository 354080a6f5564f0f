"""The thin edge: everything about a pool from one connection to the API server, and the registrar through its proxy.

What may not be read is None and named in `unread`: whoever asks often has fewer rights than an administrator.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urlsplit

from access.causes.facts import (
    DeploymentFacts,
    Facts,
    HolderFacts,
    JobFacts,
    Json,
    NodeFacts,
    PodFacts,
    RegistrarFacts,
    ScalerFacts,
    StackFacts,
    UnservedFacts,
    deployment_facts,
    holders,
    jobs_facts,
    mapping,
    node_facts,
    objects,
    queue_facts,
    runner_facts,
    scaler_facts,
    texts,
    unserved_facts,
)
from access.cluster.errors import ClusterError, ClusterRefusedError
from access.online.scheduling import coming_node
from access.online.snapshot import PoolSnapshot, pool_snapshot
from values.contract import (
    BUSY_ANNOTATION,
    FORGE_PATH,
    JOBS_PATH,
    MOST_RUNNERS_ANNOTATION,
    POOL_LABEL,
    QUEUE_PATH,
    REGISTRAR_STATUS_PORT,
    REGISTRATION_CONTAINER,
    RUNNER_CONTAINER,
    RUNNERS_PATH,
    SERVICE_NAME,
    TRUST_CONFIG_MAP,
    TRUST_URL_KEY,
    UNSERVED_PATH,
)

_FORBIDDEN: Final = (401, 403)
_MOST_TROUBLES: Final = 3
Part = TypeVar("Part")


class Cluster(Protocol):
    """What is asked: access.cluster.connection.ClusterConnection."""

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The JSON object at a path. Raises ClusterError."""


@dataclass(frozen=True)
class _Objects:
    """What a namespace has of pools."""

    deployments: Sequence[Json]
    replica_sets: Sequence[Json]
    pods: Sequence[Json]
    events: Sequence[Json]


class FactsReader:
    """Everything that pools share is read once: a reader is one look."""

    def __init__(self, cluster: Cluster, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._cluster, self._now = cluster, now
        self._nodes: tuple[NodeFacts, ...] | None = None
        self._holders: tuple[HolderFacts, ...] | None = None
        self._has_shared = False
        self._phases: dict[str, str | None] = {}
        self._objects: dict[str, _Objects] = {}
        self._registrars: dict[str, tuple[RegistrarFacts | None, dict[str, Json]]] = {}
        self._unread: dict[str, list[str]] = {}
        self._unread_everywhere: list[str] = []
        self._noting = self._unread_everywhere

    def read(self, namespace: str, name: str, stack: StackFacts | None = None) -> Facts:
        """Everything about one pool. Raises nothing: a cluster that cannot be asked is a fact."""
        nothing = Facts(namespace=namespace, name=name, pool=PoolSnapshot(name, 0, exists=False), stack=stack)
        if stack is not None and not stack.in_state:
            return nothing
        try:
            return self._read(nothing)
        except ClusterError as error:
            return replace(nothing, cluster_problem=(error.problem.found, error.problem.cure))

    def _read(self, nothing: Facts) -> Facts:
        namespace, name = nothing.namespace, nothing.name
        if namespace not in self._phases:
            self._noting = self._unread[namespace] = []
            phase = self._phase(namespace)
            if phase != "":
                self._objects[namespace] = self._list_all(namespace)
                self._registrars[namespace] = self._read_registrar(namespace)
            self._phases[namespace] = phase  # the last: what was broken off is tried again
        self._noting = self._unread[namespace]
        if self._phases[namespace] == "":
            return replace(nothing, namespace_phase="")
        self._read_shared()
        objects_of = self._objects[namespace]
        deployment = next((it for it in objects_of.deployments if _name(it) == name), None)
        pods = [pod for pod in objects_of.pods if _pool(pod) == name]
        sets = [replica_set for replica_set in objects_of.replica_sets if _pool(replica_set) == name]
        names = {_name(pod) for pod in pods}
        events = [event for event in objects_of.events if mapping(event, "involvedObject").get("name") in names]
        registrar, answers = self._registrars[namespace]
        facts = deployment_facts(deployment) if deployment is not None else None
        unserved = answers.get(UNSERVED_PATH)
        listed, counted = answers.get(RUNNERS_PATH), answers.get(QUEUE_PATH)
        scaler = self._scaler(namespace, name, deployment, facts)
        pool = pool_snapshot(name, deployment, sets, pods, events)
        promises = {pod.name: self._since(word.time) for pod in pool.pods if (word := coming_node(pod))}
        return replace(
            nothing,
            namespace_phase=self._phases[namespace],
            pool=pool,
            deployment=facts,
            pods=tuple(self._pod(pod, promises.get(_name(pod))) for pod in pods),
            nodes=self._nodes,
            holders=self._holders if self._holders is not None else holders(objects_of.pods),
            sees_all_holders=self._holders is not None,
            registrar=registrar,
            runners=runner_facts(objects(listed, "runners"), namespace) if listed is not None else None,
            queue=queue_facts(counted, nothing.key) if counted is not None else None,
            scaler=scaler,
            unserved=unserved_facts(objects(unserved, "jobs"), registrar.scope) if unserved and registrar else (),
            unread=tuple(dict.fromkeys((*self._noting, *self._unread_everywhere))),
        )

    def _read_shared(self) -> None:
        if self._has_shared:
            return
        self._has_shared, noting = True, self._noting
        self._noting = self._unread_everywhere
        self._nodes = self._try("nodes", self._read_nodes)
        self._holders = self._try("pods of other namespaces", self._read_holders)
        self._noting = noting

    def _list_all(self, namespace: str) -> "_Objects":
        apps, core = f"/apis/apps/v1/namespaces/{namespace}", f"/api/v1/namespaces/{namespace}"
        of_pools, of_pods = {"labelSelector": POOL_LABEL}, {"fieldSelector": "involvedObject.kind=Pod"}
        return _Objects(
            deployments=objects(self._cluster.get(f"{apps}/deployments", of_pools), "items"),
            replica_sets=objects(self._cluster.get(f"{apps}/replicasets", of_pools), "items"),
            # Pods after what makes them: one that is seen has its ReplicaSet.
            pods=objects(self._cluster.get(f"{core}/pods", of_pools), "items"),
            events=objects(self._try("events", lambda: self._cluster.get(f"{core}/events", of_pods)) or {}, "items"),
        )

    def jobs(self, namespace: str, number: str) -> tuple[JobFacts, ...]:
        """The jobs of that number that the registrar of a namespace sees; what it cannot see is unread.

        Raises ClusterError.
        """
        place = self._place(namespace)
        if not place:
            self._noting.append(f"jobs: the namespace {namespace} names no registrar")
            return ()
        answer = self._try("jobs", lambda: self._ask(place, JOBS_PATH, {"job": number}))
        listed = jobs_facts(answer or {})
        self._noting += listed.problems
        return listed.jobs

    def unserved(self, namespace: str) -> tuple[UnservedFacts, ...]:
        """The jobs of a namespace's scope that no pool can take, as far as the registrar tells."""
        registrar, answers = self._read_registrar(namespace)
        listed = answers.get(UNSERVED_PATH)
        return unserved_facts(objects(listed, "jobs"), registrar.scope) if listed and registrar else ()

    def scope(self, namespace: str) -> str | None:
        """The scope in which a namespace's runners register, "" for the forge's whole instance; None where the
        registrar tells none. Raises ClusterError.
        """
        registrar, _ = self._read_registrar(namespace)
        is_told = registrar is not None and registrar.granted and registrar.place and not registrar.silence
        return registrar.scope if registrar is not None and is_told else None

    @property
    def unread(self) -> tuple[str, ...]:
        """What could not be looked at."""
        return tuple(dict.fromkeys(self._noting))

    def _phase(self, namespace: str) -> str | None:
        try:
            found = self._find(f"/api/v1/namespaces/{namespace}")
        except ClusterRefusedError as error:
            if error.status in _FORBIDDEN:
                return None  # a deployer may not look at its own namespace
            raise
        return "" if found is None else str(mapping(found, "status").get("phase", "Active"))

    def _find(self, path: str) -> dict[str, Any] | None:
        try:
            return self._cluster.get(path)
        except ClusterRefusedError as error:
            if error.status == 404:
                return None
            raise

    def _try(self, what: str, read: Callable[[], Part]) -> Part | None:
        """What is read, None where it cannot be."""
        try:
            return read()
        except ClusterError as error:
            self._noting.append(f"{what}: {error.problem.found}")
            return None

    def _read_nodes(self) -> tuple[NodeFacts, ...]:
        return tuple(node_facts(node) for node in objects(self._cluster.get("/api/v1/nodes"), "items"))

    def _read_holders(self) -> tuple[HolderFacts, ...]:
        return holders(objects(self._cluster.get("/api/v1/pods"), "items"))

    def _pod(self, pod: Json, promised: float | None) -> PodFacts:
        metadata, spec, status = mapping(pod, "metadata"), mapping(pod, "spec"), mapping(pod, "status")
        containers = objects(status, "containerStatuses")
        runner = next((container for container in containers if container.get("name") == RUNNER_CONTAINER), {})
        state = mapping(runner, "state")
        started = mapping(state, "running").get("startedAt")
        before = objects(status, "initContainerStatuses")
        registration = next((it for it in before if it.get("name") == REGISTRATION_CONTAINER), {})
        return PodFacts(
            name=str(metadata.get("name", "")),
            node=str(spec.get("nodeName") or ""),
            age=self._since(metadata.get("creationTimestamp")),
            ended=str(mapping(state, "terminated").get("finishedAt") or ""),
            job=str(mapping(metadata, "annotations").get(BUSY_ANNOTATION) or ""),
            started=self._since(started),
            registering=self._since(mapping(mapping(registration, "state"), "running").get("startedAt")),
            promised=promised,
        )

    def _since(self, time: Any) -> float:
        """Seconds from an RFC 3339 time until now, 0 for none."""
        try:
            return max(0.0, (self._now() - datetime.fromisoformat(str(time))).total_seconds())
        except (TypeError, ValueError):
            return 0.0

    def _scaler(
        self, namespace: str, name: str, deployment: Json | None, facts: DeploymentFacts | None
    ) -> ScalerFacts | None:
        annotations = mapping(mapping(deployment or {}, "metadata"), "annotations")
        if facts is None or MOST_RUNNERS_ANNOTATION not in annotations:
            return None
        group = "/apis/keda.sh/v1alpha1"
        try:
            if self._find(group) is None:
                return ScalerFacts(served=False)
            found = self._find(f"{group}/namespaces/{namespace}/scaledobjects/{name}")
        except ClusterError as error:
            self._noting.append(f"ScaledObject: {error.problem.found}")
            return None
        return ScalerFacts(exists=False) if found is None else scaler_facts(found)

    def _place(self, namespace: str) -> str:
        """The namespace of the registrar that serves this one, "" where none does."""
        trust = self._find(f"/api/v1/namespaces/{namespace}/configmaps/{TRUST_CONFIG_MAP}") or {}
        host = urlsplit(str(mapping(trust, "data").get(TRUST_URL_KEY) or "")).hostname or ""
        return host.split(".")[1] if host.startswith(f"{SERVICE_NAME}.") and host.count(".") >= 2 else ""

    def _ask(self, place: str, path: str, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
        service = f"/api/v1/namespaces/{place}/services/https:{SERVICE_NAME}:{REGISTRAR_STATUS_PORT}"
        return self._cluster.get(f"{service}/proxy{path}", parameters)

    def _read_registrar(self, namespace: str) -> tuple[RegistrarFacts | None, dict[str, Json]]:
        place = self._try("the registrar's address", lambda: self._place(namespace))
        if not place:
            return (None if place is None else RegistrarFacts(place="")), {}
        try:
            forge = self._ask(place, FORGE_PATH)
        except ClusterRefusedError as error:
            if error.status in _FORBIDDEN:
                self._noting.append(f"the registrar: {error.problem.found}")
                return None, {}
            return self._silent(place, error.message or error.problem.found), {}
        except ClusterError as error:
            return self._silent(place, error.problem.found), {}
        answers: dict[str, Json] = {}
        for path in (RUNNERS_PATH, QUEUE_PATH, UNSERVED_PATH):
            try:
                answers[path] = self._ask(place, path)
            except ClusterError as error:
                # 404: a registrar of an older version, which knows no such question.
                if not (path == UNSERVED_PATH and isinstance(error, ClusterRefusedError) and error.status == 404):
                    self._noting.append(f"the registrar's {path}: {error.problem.found}")
        # Of a scope whose list failed there is none, which is not a list without runners.
        for entry in objects(answers.get(RUNNERS_PATH, {}), "scopes"):
            if namespace in texts(entry, "namespaces") and entry.get("problem"):
                self._noting.append(f"the registrar's {RUNNERS_PATH}: {entry['problem']}")
                answers.pop(RUNNERS_PATH, None)
        scopes = [entry for entry in objects(forge, "scopes") if namespace in texts(entry, "namespaces")]
        scope = scopes[0] if scopes else {}
        facts = RegistrarFacts(
            place=place, granted=bool(scopes), scope=str(scope.get("scope") or ""),
            forge=str(scope.get("state") or ""), problem=str(scope.get("problem") or ""),
        )  # fmt: skip
        return facts, answers

    def _silent(self, place: str, silence: str) -> RegistrarFacts:
        nothing = RegistrarFacts(place=place, silence=silence)
        try:
            deployment = self._find(f"/apis/apps/v1/namespaces/{place}/deployments/{SERVICE_NAME}")
            selector = {"labelSelector": f"app.kubernetes.io/name={SERVICE_NAME}"}
            pods = objects(self._cluster.get(f"/api/v1/namespaces/{place}/pods", selector), "items")
        except ClusterError as error:
            self._noting.append(f"the registrar's pods: {error.problem.found}")
            return replace(nothing, running=1)  # not known to be down
        live = [pod for pod in pods if "deletionTimestamp" not in mapping(pod, "metadata")]
        return replace(
            nothing,
            exists=deployment is not None,
            wanted=int(mapping(deployment or {}, "spec").get("replicas", 1)),
            running=sum(mapping(pod, "status").get("phase") == "Running" for pod in live),
            troubles=tuple(trouble for pod in live for trouble in _troubles(pod))[:_MOST_TROUBLES],
        )


def _name(item: Json) -> str:
    return str(mapping(item, "metadata").get("name", ""))


def _pool(item: Json) -> str:
    return str(mapping(mapping(item, "metadata"), "labels").get(POOL_LABEL, ""))


def _troubles(pod: Json) -> list[str]:
    """What keeps a pod of the registrar's from running, in its own words."""
    name, status = str(mapping(pod, "metadata").get("name", "")), mapping(pod, "status")
    troubles = [
        f"{name} has no node: {condition.get('message', '')}"
        for condition in objects(status, "conditions")
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False"
    ]
    for container in (*objects(status, "initContainerStatuses"), *objects(status, "containerStatuses")):
        state, last = mapping(container, "state"), mapping(mapping(container, "lastState"), "terminated")
        waiting, ended = mapping(state, "waiting"), mapping(state, "terminated")
        if waiting.get("reason") not in (None, "PodInitializing", "ContainerCreating"):
            code = f", it ended with {last['exitCode']}" if "exitCode" in last else ""
            troubles.append(f"{name}: {waiting['reason']}{code} {waiting.get('message', '')}".strip())
        elif ended.get("exitCode"):
            troubles.append(f"{name}: ended with {ended['exitCode']} {ended.get('reason', '')}".strip())
    return troubles
