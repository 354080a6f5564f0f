"""A resource of a stack as plain data, and the objects that it stands for. Names are the wire's, in camelCase."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from policy_rules.unknown import Unknown

# The names that a runner's pod and namespace carry; a test holds them against the program's own.
POOL_LABEL: Final = "gpu-runners.dev/pool"
PREPULL_LABEL: Final = "gpu-runners.dev/prepull"
RUNNER_LABELS_ANNOTATION: Final = "gpu-runners.dev/runner-labels"
NAME_LABEL: Final = "app.kubernetes.io/name"
RUNNERS: Final = "runners"
REGISTRAR: Final = "registrar"
REGISTRAR_AUDIENCE: Final = "registrar"
# Of base runners: with such a token jobs ask the registrar for the rights of an account, and for nothing else.
JOB_AUDIENCE: Final = "registrar-job"

Json = Mapping[str, Any]

_KUBERNETES: Final = "kubernetes:"
_PATCH: Final = "Patch"
_LIST: Final = "List"


@dataclass(frozen=True)
class Resource:
    """One resource: Pulumi's type token, logical name, URN, and inputs, with UNKNOWN for what a preview cannot know.

    `ignored` are the inputs that Pulumi leaves as they are (`ignoreChanges`), e.g. `spec.replicas`.
    """

    type: str
    name: str
    urn: str
    inputs: Json
    ignored: tuple[str, ...] = ()

    @property
    def is_kubernetes(self) -> bool:
        """Whether it is an object of a cluster."""
        return self.type.startswith(_KUBERNETES)

    @property
    def kind(self) -> str:
        """The Kubernetes kind, of a patch that of the patched object; "" for what is no Kubernetes object."""
        return self._word.removesuffix(_PATCH)

    @property
    def group(self) -> str:
        """The API group, "" for the core's and for what is no Kubernetes object."""
        version = self.type.removeprefix(_KUBERNETES).rpartition(":")[0] if self.is_kubernetes else ""
        group = version.rpartition("/")[0]
        return "" if group == "core" else group

    @property
    def is_patch(self) -> bool:
        """Whether it changes an object that something else makes."""
        return self._word.endswith(_PATCH)

    @property
    def is_list(self) -> bool:
        """Whether it stands for several objects, its `items`."""
        return self.kind.endswith(_LIST)

    @property
    def stack(self) -> str:
        """The stack's name, from the URN."""
        return self.urn.removeprefix("urn:pulumi:").partition("::")[0]

    @property
    def namespace(self) -> str:
        """The namespace it lives in, or ""."""
        return text(mapping(self.inputs, "metadata"), "namespace")

    @property
    def object_name(self) -> str:
        """The object's name in the cluster, "" where it is left to the provider or not known."""
        return text(mapping(self.inputs, "metadata"), "name")

    @property
    def _word(self) -> str:
        return self.type.rpartition(":")[2] if self.is_kubernetes else ""


def objects(resources: Iterable[Resource]) -> Iterator[Resource]:
    """The resources, each list of objects as the objects in it, and what calls itself another kind as that one too.

    The provider sends an object as its inputs call it, whatever its type in the state is.
    """
    for resource in resources:
        if not resource.is_kubernetes:
            yield resource
        elif resource.is_list:
            for item in mappings(resource.inputs, "items"):
                kind = text(item, "kind") or resource.kind.removesuffix(_LIST)
                yield from objects([replace(resource, type=_type(item, kind, resource), inputs=item)])
        else:
            yield resource
            kind = text(resource.inputs, "kind")
            if kind and kind != resource.kind:
                disguised = replace(resource, type=_type(resource.inputs, kind, resource))
                yield from objects([disguised]) if disguised.is_list else [disguised]


def _type(item: Json, kind: str, holder: Resource) -> str:
    """The type token of an object as it calls itself; its version is its holder's where it names none."""
    version = text(item, "apiVersion")
    if not version:
        return f"{holder.type.rpartition(':')[0]}:{kind}"
    return f"{_KUBERNETES}{version if '/' in version else f'core/{version}'}:{kind}"


def mapping(holder: Json, name: str) -> Json:
    """The mapping at a name; empty where there is none."""
    value = holder.get(name)
    return value if isinstance(value, Mapping) else {}


def mappings(holder: Json, name: str) -> Iterator[Json]:
    """The mappings in the list at a name."""
    value = holder.get(name)
    if isinstance(value, Sequence) and not isinstance(value, str):
        yield from (item for item in value if isinstance(item, Mapping))


def text(holder: Json, name: str) -> str:
    """The text at a name; "" where there is none."""
    value = holder.get(name)
    return value if isinstance(value, str) else ""


def texts(holder: Json, name: str) -> tuple[str, ...]:
    """The items of the list at a name as texts."""
    value = holder.get(name)
    return tuple(str(item) for item in value) if isinstance(value, Sequence) and not isinstance(value, str) else ()


def is_set(holder: Json, name: str) -> bool:
    """Whether a field says anything but no: an unknown one might."""
    value = holder.get(name)
    return isinstance(value, Unknown) or bool(value)
