"""A resource of a stack as plain data, and the pods that workloads hold. Names are the wire's, in camelCase."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

# The names that a runner's pod and namespace carry; a test holds them against the program's own.
POOL_LABEL: Final = "gpu-runners.dev/pool"
RUNNER_LABELS_ANNOTATION: Final = "gpu-runners.dev/runner-labels"
NAME_LABEL: Final = "app.kubernetes.io/name"
RUNNERS: Final = "runners"
REGISTRAR_AUDIENCE: Final = "registrar"
# ServiceAccounts whose jobs may hold a token for the API server.
IDENTITIES: Final = ("deployer", "previewer")

Json = Mapping[str, Any]

# Where each kind of workload keeps its pod.
_POD_PATHS: Final[Mapping[str, tuple[str, ...]]] = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}


@dataclass(frozen=True)
class Resource:
    """One resource: Pulumi's type token, logical name, URN, and inputs without what a preview cannot know."""

    type: str
    name: str
    urn: str
    inputs: Json

    @property
    def kind(self) -> str:
        """The Kubernetes kind, or "" for what is no Kubernetes object."""
        return self.type.rpartition(":")[2] if self.type.startswith("kubernetes:") else ""

    @property
    def stack(self) -> str:
        """The stack's name, from the URN."""
        return self.urn.removeprefix("urn:pulumi:").partition("::")[0]

    @property
    def namespace(self) -> str:
        """The namespace it lives in, or ""."""
        return text(mapping(self.inputs, "metadata"), "namespace")


@dataclass(frozen=True)
class Pod:
    """A pod template inside a workload."""

    labels: Json
    annotations: Json
    spec: Json

    @property
    def is_runner(self) -> bool:
        """Whether job code runs in it."""
        return POOL_LABEL in self.labels

    @property
    def runner_labels(self) -> tuple[str, ...]:
        """The words of `runs-on` that its runner takes."""
        return tuple(label for label in text(self.annotations, RUNNER_LABELS_ANNOTATION).split(",") if label)

    def containers(self) -> Iterator[Json]:
        """Every container, those that run before the others first."""
        for name in ("initContainers", "containers", "ephemeralContainers"):
            yield from mappings(self.spec, name)


def pods(resources: Sequence[Resource]) -> Iterator[tuple[Resource, Pod]]:
    """The pods of all workloads among these, each with the workload."""
    for resource in resources:
        if resource.kind in _POD_PATHS:
            template = resource.inputs
            for step in _POD_PATHS[resource.kind]:
                template = mapping(template, step)
            metadata = mapping(template, "metadata")
            labels, annotations = mapping(metadata, "labels"), mapping(metadata, "annotations")
            yield resource, Pod(labels, annotations, mapping(template, "spec"))


def mapping(holder: Json, name: str) -> Json:
    """The mapping at a name; empty where there is none."""
    value = holder.get(name)
    return value if isinstance(value, Mapping) else {}


def mappings(holder: Json, name: str) -> Iterator[Json]:
    """The mappings in the list at a name."""
    value = holder.get(name)
    if isinstance(value, Sequence):
        yield from (item for item in value if isinstance(item, Mapping))


def text(holder: Json, name: str) -> str:
    """The text at a name; "" where there is none."""
    value = holder.get(name)
    return str(value) if isinstance(value, str) else ""


def whole(value: object) -> int | None:
    """A count as an int, however the wire spells it ("2", 2, 2.0); None for anything else."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    return int(number) if number.is_integer() else None
