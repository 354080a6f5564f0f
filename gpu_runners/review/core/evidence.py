"""What was collected about one stack, as documents: the shapes that the edges write and the rest of `core` reads."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from gpu_runners.review.core.findings import ObjectName

Json = Mapping[str, Any]

KUBERNETES: Final = "kubernetes:"
PARTIAL: Final = "PartialObjectMetadata"
SECRET_KEY: Final = "4dabf18193072939515e22adb298388d"  # noqa: S105 - how Pulumi marks a secret in a state


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything that a review looks at. None: it could not be read, and `unread` says why.

    preview and refresh are Pulumi's documents, state the resources of `pulumi stack export`, live the objects of the
    stack's namespaces (whole where declared, else metadata), elsewhere what other stacks declare, as
    [kind, namespace, name], runners the registrar's list, runner_groups GitHub's of the stack's organizations.
    """

    stack: str
    state: tuple[Json, ...] = ()
    preview: Json | None = None
    refresh: Json | None = None
    live: tuple[Json, ...] | None = None
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
        values["elsewhere"] = tuple((kind, namespace, name) for kind, namespace, name in values.get("elsewhere", ()))
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A Kubernetes object of the state: what the program last declared, and as whom Pulumi wrote it."""

    name: ObjectName
    urn: str
    inputs: Json
    field_manager: str


def declared(resources: Iterable[Json]) -> dict[tuple[str, str, str], Declared]:
    """The Kubernetes objects of a state, by kind, namespace and name."""
    objects: dict[tuple[str, str, str], Declared] = {}
    for resource in resources:
        inputs = resource.get("inputs") or {}
        if not str(resource.get("type", "")).startswith(KUBERNETES) or "kind" not in inputs or not resource.get("id"):
            continue
        namespace, _, name = str(resource["id"]).rpartition("/")
        key = (inputs["kind"], namespace, name)
        objects[key] = Declared(
            name=ObjectName(kind=key[0], namespace=namespace, name=name, version=inputs.get("apiVersion", "")),
            urn=resource["urn"],
            inputs=inputs,
            field_manager=str((resource.get("outputs") or {}).get("__fieldManager", "")),
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


def key_of(live: Json) -> tuple[str, str, str]:
    """Kind, namespace and name of a live object."""
    metadata = live.get("metadata", {})
    return (live.get("kind", ""), metadata.get("namespace", ""), metadata.get("name", ""))


def name_of(live: Json) -> ObjectName:
    """The same as a value."""
    kind, namespace, name = key_of(live)
    return ObjectName(kind=kind, namespace=namespace, name=name, version=live.get("apiVersion", ""))


def namespaces(objects: Iterable[Declared]) -> list[str]:
    """The namespaces in which a stack declares anything, or which it declares themselves."""
    names = {ours.name.namespace or (ours.name.name if ours.name.kind == "Namespace" else "") for ours in objects}
    return sorted(names - {""})
