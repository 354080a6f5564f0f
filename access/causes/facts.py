"""What is looked at, as frozen values, read from JSON as it comes. Judges nothing, and trusts nothing to be there.

None instead of a value says that it could not be read; `unread` of the Facts says why.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

from access.online.snapshot import PoolSnapshot
from values.contract import (
    AUTOSCALED_ANNOTATION,
    BUSY_ANNOTATION,
    MOST_RUNNERS_ANNOTATION,
    POOL_LABEL,
    RUNNER_LABELS_ANNOTATION,
)
from values.kubernetes_syntax import amount, is_extended_resource

Json = Mapping[str, Any]
_ENDED: Final = ("Succeeded", "Failed")


@dataclass(frozen=True, kw_only=True)
class StackFacts:
    """What a stack says of a pool. replicas is None where an autoscaler sets them; `pools` are all that it has."""

    stack: str
    in_config: bool = True
    in_state: bool = True
    replicas: int | None = None
    pools: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DeploymentFacts:
    """A pool's Deployment, and what one of its pods asks for."""

    replicas: int = 1
    paused: bool = False
    observed: bool = True
    labels: tuple[str, ...] = ()
    most: int | None = None
    scaled_by_others: bool = False
    selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Json, ...] = ()
    requests: Mapping[str, Fraction] = field(default_factory=dict)

    @property
    def device(self) -> str:
        """The resource of its GPUs, "" for none."""
        return next((name for name in self.requests if is_extended_resource(name)), "")

    @property
    def devices(self) -> int:
        """GPUs of one pod."""
        return int(self.requests.get(self.device, 0))


@dataclass(frozen=True, kw_only=True)
class NodeFacts:
    """A node, and what it can give to pods."""

    name: str
    ready: bool = True
    reason: str = ""
    unschedulable: bool = False
    taints: tuple[Json, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    allocatable: Mapping[str, Fraction] = field(default_factory=dict)
    capacity: Mapping[str, Fraction] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class HolderFacts:
    """A pod that holds GPUs, or other devices, on a node. pool is "" for a pod of nobody's pool."""

    namespace: str
    name: str
    node: str
    device: str
    devices: int
    pool: str = ""
    busy: bool = False


@dataclass(frozen=True, kw_only=True)
class PodFacts:
    """What a pool's snapshot does not keep. Times are in seconds until now; ended is RFC 3339, "" for what has not."""

    name: str
    node: str = ""
    age: float = 0.0
    ended: str = ""
    job: str = ""  # the latch: the forge's id of its job
    started: float = 0.0  # since its runner's container runs, 0 where it does not
    registering: float = 0.0  # since its registration runs, 0 where it does not
    promised: float | None = None  # since a node autoscaler said that it brings it a node, None where none does


@dataclass(frozen=True, kw_only=True)
class RegistrarFacts:
    """The registrar that serves the namespace. silence: why it gave no answer, "" where it did.

    place: its namespace, "" where nothing names one. troubles: of its pods. wanted: replicas of its Deployment, None
    where it may not be read. forge, problem: of this namespace's scope, in the contract's words.
    """

    place: str
    silence: str = ""
    wanted: int | None = None
    exists: bool = True
    running: int = 0
    troubles: tuple[str, ...] = ()
    granted: bool = True
    scope: str = ""
    forge: str = ""
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class RunnerFacts:
    """A runner as the forge lists it. pod is its name, "" for one that belongs to none of this namespace's."""

    name: str
    pod: str = ""
    online: bool = True
    busy: bool = False
    cordoned: bool = False
    problem: str = ""
    warning: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class QueueFacts:
    """A pool's jobs, as the registrar counts them. after: the pool whose job comes first, "" for none."""

    waiting: int = 0
    running: int = 0
    wanted: int = 0
    after: str = ""


@dataclass(frozen=True, kw_only=True)
class ScalerFacts:
    """A pool's ScaledObject. served: whether the cluster knows the kind at all. paused: annotations, `name: value`."""

    served: bool = True
    exists: bool = True
    paused: tuple[str, ...] = ()
    ready: bool | None = None
    message: str = ""
    most: int | None = None


@dataclass(frozen=True, kw_only=True)
class JobFacts:
    """A job that waits or works, as the registrar's forge lists it. pools: those whose labels and group fit."""

    id: str
    name: str = ""
    labels: tuple[str, ...] = ()
    state: str = "waiting"
    runner: str = ""
    pools: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class JobsFacts:
    """The jobs of a registrar's scopes, and of those that it could not read the problems."""

    jobs: tuple[JobFacts, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class UnservedFacts:
    """Jobs that no pool can take, in the registrar's words. pool: the one of which no runner fits a node, or ""."""

    labels: tuple[str, ...]
    number: int = 1
    jobs: tuple[str, ...] = ()
    pool: str = ""
    problem: str = ""
    cure: str = ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything about one pool at one moment."""

    namespace: str
    pool: PoolSnapshot
    name: str = ""
    stack: StackFacts | None = None
    cluster_problem: tuple[str, str] | None = None  # what was found, and the cure
    namespace_phase: str | None = "Active"  # "" where there is none
    deployment: DeploymentFacts | None = None
    pods: tuple[PodFacts, ...] = ()
    nodes: tuple[NodeFacts, ...] | None = None
    holders: tuple[HolderFacts, ...] | None = None
    sees_all_holders: bool = True  # false where pods of other namespaces may not be read
    registrar: RegistrarFacts | None = None
    runners: tuple[RunnerFacts, ...] | None = None
    queue: QueueFacts | None = None
    scaler: ScalerFacts | None = None  # None too where the pool has none
    unserved: tuple[UnservedFacts, ...] = ()  # of the namespace's scope
    unread: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """As the registrar names the pool."""
        return f"{self.namespace}/{self.name}"

    def of_pod(self, name: str) -> PodFacts:
        """What is known of a pod beside its snapshot."""
        return next((pod for pod in self.pods if pod.name == name), PodFacts(name=name))


def deployment_facts(deployment: Json) -> DeploymentFacts:
    """From a Deployment of a pool."""
    metadata, spec = mapping(deployment, "metadata"), mapping(deployment, "spec")
    template = mapping(spec, "template")
    pod = mapping(template, "spec")
    labels = str(mapping(mapping(template, "metadata"), "annotations").get(RUNNER_LABELS_ANNOTATION) or "")
    most = str(mapping(metadata, "annotations").get(MOST_RUNNERS_ANNOTATION) or "")
    return DeploymentFacts(
        replicas=int(spec.get("replicas", 1)),
        paused=bool(spec.get("paused")),
        observed=mapping(deployment, "status").get("observedGeneration", 0) >= metadata.get("generation", 0),
        labels=tuple(label for label in labels.split(",") if label),
        most=int(most) if most.isdecimal() else None,
        scaled_by_others=mapping(metadata, "annotations").get(AUTOSCALED_ANNOTATION) == "true",
        selector=dict(mapping(pod, "nodeSelector")),
        tolerations=tuple(objects(pod, "tolerations")),
        requests=pod_requests(pod),
    )


def pod_requests(pod: Json) -> dict[str, Fraction]:
    """What the containers of a pod's spec ask for together; a limit stands in for a request."""
    requests: dict[str, Fraction] = {}
    for container in objects(pod, "containers"):
        resources = mapping(container, "resources")
        for name, text in {**mapping(resources, "limits"), **mapping(resources, "requests")}.items():
            requests[name] = requests.get(name, Fraction()) + _amount(text)
    return requests


def node_facts(node: Json) -> NodeFacts:
    """From a Node."""
    metadata, spec, status = mapping(node, "metadata"), mapping(node, "spec"), mapping(node, "status")
    ready = next((entry for entry in objects(status, "conditions") if entry.get("type") == "Ready"), {})
    return NodeFacts(
        name=str(metadata.get("name", "")),
        ready=ready.get("status") == "True",
        reason=str(ready.get("message") or ready.get("reason") or "its kubelet never reported"),
        unschedulable=bool(spec.get("unschedulable")),
        taints=tuple(objects(spec, "taints")),
        labels=dict(mapping(metadata, "labels")),
        allocatable={name: _amount(text) for name, text in mapping(status, "allocatable").items()},
        capacity={name: _amount(text) for name, text in mapping(status, "capacity").items()},
    )


def holders(pods: Iterable[Json]) -> tuple[HolderFacts, ...]:
    """Of these pods those that hold GPUs or other devices now."""
    found = []
    for pod in pods:
        metadata, spec = mapping(pod, "metadata"), mapping(pod, "spec")
        if mapping(pod, "status").get("phase") in _ENDED or not spec.get("nodeName"):
            continue
        for device, devices in pod_requests(spec).items():
            if is_extended_resource(device):
                found.append(
                    HolderFacts(
                        namespace=str(metadata.get("namespace", "")),
                        name=str(metadata.get("name", "")),
                        node=str(spec["nodeName"]),
                        device=device,
                        devices=int(devices),
                        pool=str(mapping(metadata, "labels").get(POOL_LABEL, "")),
                        busy=BUSY_ANNOTATION in mapping(metadata, "annotations"),
                    )
                )
    return tuple(found)


def scaler_facts(scaled_object: Json) -> ScalerFacts:
    """From a ScaledObject of KEDA's (keda.sh/v1alpha1)."""
    annotations = mapping(mapping(scaled_object, "metadata"), "annotations")
    conditions = objects(mapping(scaled_object, "status"), "conditions")
    ready = next((entry for entry in conditions if entry.get("type") == "Ready"), {})
    most = mapping(scaled_object, "spec").get("maxReplicaCount")
    return ScalerFacts(
        paused=tuple(f"{name}: {text}" for name, text in sorted(annotations.items()) if _pauses(name, str(text))),
        ready={"True": True, "False": False}.get(str(ready.get("status"))),
        message=str(ready.get("message", "")),
        most=most if isinstance(most, int) else None,
    )


_PAUSED: Final = "autoscaling.keda.sh/paused"
_FALSE: Final = ("0", "f", "F", "false", "FALSE", "False")


def _pauses(name: str, text: str) -> bool:
    """As KEDA reads its annotations: what is no boolean is true, and a number of replicas is one whatever it is."""
    return name == f"{_PAUSED}-replicas" or (name in (_PAUSED, f"{_PAUSED}-scale-out") and text not in _FALSE)


def runner_facts(entries: Iterable[Json], namespace: str) -> tuple[RunnerFacts, ...]:
    """From the registrar's `/runners`."""
    return tuple(
        RunnerFacts(
            name=str(entry.get("name", "")),
            pod=str(entry.get("pod") or "").removeprefix(f"{namespace}/"),
            online=bool(entry.get("online")),
            busy=bool(entry.get("busy")),
            cordoned=bool(entry.get("cordoned")),
            problem=str(entry.get("problem") or ""),
            warning=str(entry.get("warning") or ""),
            labels=texts(entry, "labels"),
        )
        for entry in entries
    )


def queue_facts(answer: Json, key: str) -> QueueFacts | None:
    """From the registrar's `/queue`; None for a pool that it does not count."""
    counts = answer.get(key)
    if not isinstance(counts, Mapping):
        return None
    known = {name: number for name, number in counts.items() if isinstance(number, int)}
    return QueueFacts(
        waiting=known.get("waiting", 0),
        running=known.get("running", 0),
        wanted=known.get("wanted", 0),
        after=str(counts.get("after") or ""),
    )


def jobs_facts(answer: Json) -> JobsFacts:
    """From the registrar's `/jobs`."""
    jobs = tuple(
        JobFacts(
            id=str(entry.get("id", "")),
            name=str(entry.get("name", "")),
            labels=texts(entry, "labels"),
            state=str(entry.get("state", "")),
            runner=str(entry.get("runner") or ""),
            pools=texts(entry, "pools"),
        )
        for entry in objects(answer, "jobs")
    )
    problems = tuple(
        f"the jobs of {entry.get('scope') or 'the instance'}: {entry['problem']}"
        for entry in objects(answer, "scopes")
        if entry.get("problem")
    )
    return JobsFacts(jobs=jobs, problems=problems)


def unserved_facts(entries: Iterable[Json], scope: str) -> tuple[UnservedFacts, ...]:
    """From the registrar's `/unserved`, of one scope."""
    return tuple(
        UnservedFacts(
            labels=texts(entry, "labels"),
            number=number if isinstance(number := entry.get("number"), int) else 1,
            jobs=texts(entry, "jobs"),
            pool=str(entry.get("pool") or ""),
            problem=str(entry.get("problem") or ""),
            cure=str(entry.get("cure") or ""),
        )
        for entry in entries
        if entry.get("scope") == scope
    )


def mapping(values: Json, key: str) -> dict[str, Any]:
    """The object at a key, empty where there is none."""
    value = values.get(key)
    return dict(value) if isinstance(value, Mapping) else {}


def texts(values: Json, key: str) -> tuple[str, ...]:
    """The texts of the list at a key, empty where there is none."""
    value = values.get(key)
    return tuple(entry for entry in value if isinstance(entry, str)) if isinstance(value, list) else ()


def objects(values: Json, key: str) -> Sequence[dict[str, Any]]:
    """The objects of the list at a key, empty where there is none."""
    value = values.get(key)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _amount(text: Any) -> Fraction:
    try:
        return amount(str(text))
    except ValueError:
        return Fraction()
