"""What was collected about one stack, as documents: the shapes that the edges write and the rest of `core` reads."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from gpu_runners.review.core.findings import ObjectName

Json = Mapping[str, Any]
Key = tuple[str, str, str]  # kind with its group, namespace, name

KUBERNETES: Final = "kubernetes:"
PARTIAL: Final = "PartialObjectMetadata"
SECRET_KEY: Final = "4dabf18193072939515e22adb298388d"  # noqa: S105 - how Pulumi marks a secret in a state


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything that a review looks at. None: it could not be read, and `unread` says why.

    preview and refresh are Pulumi's documents (a refresh of what is at GitHub alone), state the resources of `pulumi
    stack export` and brought_up when it was written, live the objects of the stack's namespaces and those of the
    cluster that may reach into them (whole where declared, else metadata), looked_at the kinds of which live has all
    that there are, as [kind, namespace], elsewhere what other stacks declare, as [kind, namespace, name], runners the
    registrar's list, runner_groups GitHub's of the stack's organizations.
    """

    stack: str
    state: tuple[Json, ...] = ()
    preview: Json | None = None
    refresh: Json | None = None
    live: tuple[Json, ...] | None = None
    looked_at: tuple[tuple[str, str], ...] = ()
    brought_up: str = ""
    elsewhere: tuple[tuple[str, str, str], ...] = ()
    runners: tuple[Json, ...] | None = None
    runner_groups: tuple[Json, ...] | None = None
    violations: tuple[Json, ...] = ()
    unread: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    failure: str = ""
    is_new: bool = False  # the backend has no such stack yet
    prices: Json = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """For a file; it may hold values that nobody should read, so it belongs to no artifact."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Json) -> "Evidence":
        """What `to_json` gave. Raises TypeError for a document of another shape."""
        values = dict(document)
        for name in ("state", "live", "runners", "runner_groups", "violations", "unread", "left_out"):
            if values.get(name) is not None:
                values[name] = tuple(values[name])
        values["looked_at"] = tuple((kind, namespace) for kind, namespace in values.get("looked_at", ()))
        values["elsewhere"] = tuple((kind, namespace, name) for kind, namespace, name in values.get("elsewhere", ()))
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A Kubernetes object of the state: what the program declared, what was there once the last `up` had written it,
    as whom Pulumi wrote it, and the fields that Pulumi leaves to others, e.g. `spec.replicas`.
    """

    name: ObjectName
    urn: str
    inputs: Json
    outputs: Json
    field_manager: str
    ignored: tuple[str, ...] = ()


def declared(resources: Iterable[Json]) -> dict[Key, Declared]:
    """The Kubernetes objects of a state."""
    objects: dict[Key, Declared] = {}
    for resource in resources:
        inputs, outputs = resource.get("inputs") or {}, resource.get("outputs") or {}
        if not str(resource.get("type", "")).startswith(KUBERNETES) or "kind" not in inputs or not resource.get("id"):
            continue
        namespace, _, name = str(resource["id"]).rpartition("/")
        named = ObjectName(kind=inputs["kind"], namespace=namespace, name=name, version=inputs.get("apiVersion", ""))
        objects[key_of_name(named)] = Declared(
            name=named,
            urn=resource["urn"],
            inputs=inputs,
            outputs=outputs,
            field_manager=str(outputs.get("__fieldManager", "")),
            ignored=tuple(resource.get("ignoreChanges") or ()),
        )
    return objects


_UNUSED: Final = frozenset({"sourcePosition", "stackTrace", "__inputs", "propertyDependencies"})
_UNCHANGED: Final = frozenset({"same", "refresh", "read"})


def trimmed(document: Any) -> Any:
    """A document of Pulumi's without what no review looks at: paths of the machine it ran on, unchanged resources."""
    if isinstance(document, list):
        return [trimmed(part) for part in document]
    if not isinstance(document, dict):
        return document
    kept = {key: trimmed(part) for key, part in document.items() if key not in _UNUSED}
    if kept.get("op") in _UNCHANGED:
        return {"op": kept["op"], "urn": kept.get("urn", "")}
    return kept


def kind_of(version: str, kind: str) -> str:
    """A kind as its group tells it from another's of that name: `Deployment.apps`, `ConfigMap`."""
    group = version.rpartition("/")[0]
    return f"{kind}.{group}" if group else kind


def key_of(live: Json) -> Key:
    """Kind with its group, namespace and name of a live object."""
    return key_of_name(name_of(live))


def key_of_name(name: ObjectName) -> Key:
    """The same of a name."""
    return (kind_of(name.version, name.kind), name.namespace, name.name)


def name_of(live: Json) -> ObjectName:
    """A live object's name."""
    metadata = live.get("metadata") or {}
    return ObjectName(
        kind=live.get("kind", ""),
        namespace=metadata.get("namespace", ""),
        name=metadata.get("name", ""),
        version=live.get("apiVersion", ""),
    )


def namespaces(objects: Iterable[Declared]) -> list[str]:
    """The namespaces in which a stack declares anything, or which it declares themselves."""
    names = {ours.name.namespace or (ours.name.name if ours.name.kind == "Namespace" else "") for ours in objects}
    return sorted(names - {""})
