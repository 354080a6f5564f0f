"""How many pods of each workload a plan may hold at a time, autoscalers and rolling updates counted."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from policy_rules.counts import share, whole
from policy_rules.gpus import devices
from policy_rules.resources import Json, Resource, mapping, objects, text
from policy_rules.unknown import has_unknown
from policy_rules.workloads import Pod, pods

_AUTOSCALERS: Final = ("HorizontalPodAutoscaler", "ScaledObject")
_KEDA_MOST: Final = 100  # where it says nothing: https://keda.sh/docs/latest/reference/scaledobject-spec/
_KEDA_COUNTS: Final = (("maxReplicaCount", _KEDA_MOST), ("minReplicaCount", 0), ("idleReplicaCount", 0))
_KEDA_PAUSED: Final = "autoscaling.keda.sh/paused-replicas"  # https://keda.sh/docs/latest/concepts/scaling-deployments/
_SURGE: Final = "25%"  # of a Deployment that says nothing
_SCALABLE: Final = ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Count:
    """The most pods of a workload, or why nobody can tell; and the devices of each pod, as far as they are known."""

    resource: Resource
    most: int | None
    reason: str
    devices: Mapping[str, int]
    is_autoscaled: bool = False


def counts(resources: Sequence[Resource], maximums: Mapping[str, object]) -> Iterator[Count]:
    """Every workload of a plan, its patches counted with it. `maximums`: `namespace/name` to most replicas."""
    workloads: dict[Key, list[tuple[Resource, Pod | None]]] = {}
    declared = list(objects(resources))
    held = {id(resource): pod for resource, pod in pods(declared)}
    for resource in declared:
        if id(resource) in held or (resource.kind in _SCALABLE and resource.is_patch):
            workloads.setdefault(_key(resource), []).append((resource, held.get(id(resource))))
    scaled = {_target(resource): _maximum(resource) for resource in _by_maximum(declared)}
    for key, parts in workloads.items():
        yield _count(key, parts, scaled, maximums)
    for resource in declared:
        if resource.kind in _AUTOSCALERS and _target(resource) not in workloads:
            yield Count(resource, None, "an autoscaler of what this stack does not declare", {}, is_autoscaled=True)


def _count(
    key: Key,
    parts: Sequence[tuple[Resource, Pod | None]],
    scaled: Mapping[Key, int | None],
    maximums: Mapping[str, object],
) -> Count:
    resource = parts[0][0]
    asked: dict[str, int] = {}
    for _, pod in parts:
        for name, number in (_devices(pod) if pod else {}).items():
            asked[name] = asked.get(name, 0) + number
    numbers = [_stated(part) for part, _ in parts]
    if all(part.is_patch for part, _ in parts):
        touches = any("replicas" in mapping(part.inputs, "spec") for part, _ in parts)
        reason = "a patch of what this stack does not declare" if touches or asked else ""
        return Count(resource, None if reason else 0, reason, asked)
    reason = next((number for number in numbers if isinstance(number, str)), "")
    most = max((number for number in numbers if isinstance(number, int)), default=0)
    agreed = whole(maximums.get(f"{key[1]}/{key[2]}")) if key[2] else None
    is_autoscaled = key in scaled or any(_leaves_replicas(part) for part, _ in parts)
    if is_autoscaled:
        limit = scaled.get(key) if key in scaled else agreed
        if limit is None:
            return Count(resource, None, "an autoscaler without a maximum", asked, is_autoscaled=True)
        most = max(most, limit)
    surge = max((_surge(part, most) for part, _ in parts if not part.is_patch), default=0)
    if any(part.is_patch and "strategy" in mapping(part.inputs, "spec") for part, _ in parts):
        reason = reason or "a patch of the strategy"
    return Count(resource, None if reason else most + surge, reason, asked, is_autoscaled)


def _stated(resource: Resource) -> int | str:
    """The pods that a workload states, or why there is no such number."""
    spec = mapping(resource.inputs, "spec")
    match resource.kind:
        case "Pod" | "PodTemplate":
            stated: int | str = int(resource.kind == "Pod")
        case "DaemonSet":
            stated = "one pod for each node"
        case "Job":
            stated = _number(spec, "parallelism", 1)
        case "CronJob":
            runs = _number(mapping(mapping(spec, "jobTemplate"), "spec"), "parallelism", 1)
            stated = runs if text(spec, "concurrencyPolicy") in ("Forbid", "Replace") else "runs that may overlap"
        case "ScaledJob":
            most = _number(spec, "maxReplicaCount", _KEDA_MOST)
            pods_each = _number(mapping(spec, "jobTargetRef"), "parallelism", 1)
            stated = most * pods_each if isinstance(most, int) and isinstance(pods_each, int) else "no maximum"
        case _:
            stated = _number(spec, "replicas", 0 if resource.is_patch else 1)
    return stated


def _number(spec: Json, name: str, default: int) -> int | str:
    value = spec.get(name)
    number = default if value is None else whole(value)
    return f"{name}: {value}" if number is None else number


def _surge(resource: Resource, replicas: int) -> int:
    """The pods beyond its replicas while a Deployment is updated; as many again where nobody can tell."""
    strategy = mapping(mapping(resource.inputs, "spec"), "strategy")
    if resource.kind != "Deployment" or text(strategy, "type") == "Recreate":
        return 0
    surge = mapping(strategy, "rollingUpdate").get("maxSurge")
    number = replicas if has_unknown(strategy) else share(_SURGE if surge is None else surge, replicas)
    return replicas if number is None else number


def _devices(pod: Pod) -> dict[str, int]:
    """The devices of one pod: the init containers that end and the others do not hold theirs at the same time."""
    asked: dict[str, int] = {}
    beside = list(pod.beside_jobs())
    for container in [*beside, {"resources": pod.spec.get("resources")}]:
        for name, number in _of_container(container).items():
            asked[name] = asked.get(name, 0) + number
    for container in pod.containers():
        for name, number in _of_container(container).items():
            asked[name] = max(asked.get(name, 0), number)
    return asked


def _of_container(container: Json) -> dict[str, int]:
    limits, requests = devices(container, "limits"), devices(container, "requests")
    return {name: max(whole(limits.get(name)) or 0, whole(requests.get(name)) or 0) for name in {**limits, **requests}}


def _leaves_replicas(resource: Resource) -> bool:
    """Whether Pulumi leaves the number to something else."""
    roots = (path.replace('["', ".").replace('"]', "").strip(".") for path in resource.ignored)
    return any(root in ("*", "spec", "spec.*") or root.startswith("spec.replicas") for root in roots)


def _key(resource: Resource) -> Key:
    """What a workload is known by; one whose name Pulumi gives is known by its URN alone."""
    if not resource.object_name:
        return resource.kind, "", resource.urn
    return resource.kind, resource.namespace, resource.object_name


def _target(autoscaler: Resource) -> Key:
    target = mapping(mapping(autoscaler.inputs, "spec"), "scaleTargetRef")
    return text(target, "kind") or "Deployment", autoscaler.namespace, text(target, "name")


def _maximum(autoscaler: Resource) -> int | None:
    """A number that nobody knows is none. KEDA sets a workload that is paused to any number, beyond the maximum too."""
    spec = mapping(autoscaler.inputs, "spec")
    if autoscaler.kind == "ScaledObject":
        metadata = mapping(autoscaler.inputs, "metadata")
        stated = [_number(spec, name, default) for name, default in _KEDA_COUNTS]
        stated.append(_number(mapping(metadata, "annotations"), _KEDA_PAUSED, 0))
        numbers = [number for number in stated if isinstance(number, int)]
        is_known = len(numbers) == len(stated) and not has_unknown(metadata.get("annotations"))
        return max(numbers) if is_known else None
    return whole(spec.get("maxReplicas"))


def _by_maximum(declared: Iterable[Resource]) -> Iterator[Resource]:
    """The autoscalers, the highest maximum last, and one that has none last of all: of several the last one counts."""
    autoscalers = [resource for resource in declared if resource.kind in _AUTOSCALERS]
    limits = {id(resource): _maximum(resource) for resource in autoscalers}
    yield from sorted(autoscalers, key=lambda it: (limits[id(it)] is None, limits[id(it)] or 0))
