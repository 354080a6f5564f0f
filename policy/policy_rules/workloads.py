"""The pods that workloads hold, and how many each may have at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from policy_rules.resources import (
    POOL_LABEL,
    PREPULL_LABEL,
    REGISTRAR,
    RUNNER_LABELS_ANNOTATION,
    Json,
    Resource,
    is_set,
    mapping,
    mappings,
    objects,
    text,
)
from policy_rules.unknown import UNKNOWN, Path, Unknown, meets, show, unknown_paths

# Where each kind of workload keeps its pod.
POD_PATHS: Final[Mapping[str, tuple[str, ...]]] = {
    "Pod": (),
    "PodTemplate": ("template",),
    "Deployment": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "ScaledJob": ("spec", "jobTargetRef", "template"),
}
# As `components/prepull_container.py` writes them; a test compares.
_PREPULL_COMMANDS: Final = (
    ["/bin/sh", "-c", "exit 0"],
    ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"],
)
CONTAINERS: Final = ("initContainers", "containers", "ephemeralContainers")


@dataclass(frozen=True)
class Pod:
    """A pod template inside a workload. `unknown` are the paths in it that no preview can know."""

    labels: Json
    annotations: Json
    spec: Json
    unknown: tuple[Path, ...] = ()

    @property
    def is_runner(self) -> bool:
        """Whether it says that job code runs in it. Only what it gains by that may hang on it."""
        return POOL_LABEL in self.labels

    @property
    def runner_labels(self) -> tuple[str, ...]:
        """The words of `runs-on` that its runner takes."""
        return tuple(label.strip() for label in text(self.annotations, RUNNER_LABELS_ANNOTATION).split(",") if label)

    @property
    def account(self) -> str:
        """Its ServiceAccount, under either name that the field has."""
        return text(self.spec, "serviceAccountName") or text(self.spec, "serviceAccount")

    def containers(self) -> Iterator[Json]:
        """Every container, those that run before the others first."""
        for name in CONTAINERS:
            yield from mappings(self.spec, name)

    def beside_jobs(self) -> Iterator[Json]:
        """The containers that run while a job does: the init containers that never end are among them."""
        yield from (each for each in mappings(self.spec, "initContainers") if "restartPolicy" in each)
        yield from mappings(self.spec, "containers")
        yield from mappings(self.spec, "ephemeralContainers")

    def not_known(self, *patterns: Path) -> list[str]:
        """The places, for people, that a rule would have to read and cannot: it must not take them for empty."""
        return [show(path) for path in self.unknown if any(meets(path, pattern) for pattern in patterns)]


def pods(resources: Sequence[Resource]) -> Iterator[tuple[Resource, Pod]]:
    """The pods of all workloads among these, each with the workload."""
    for resource in objects(resources):
        if resource.kind in POD_PATHS:
            pod = _pod(resource)
            if pod is not None:
                yield resource, pod


def is_registrar(resource: Resource, pod: Pod) -> bool:
    """Whether this is the one workload that holds the forge's credential: no job code comes near it."""
    return (
        (resource.kind, resource.object_name, pod.account) == ("Deployment", REGISTRAR, REGISTRAR)
        and not pod.is_runner
        and not pod.annotations.get(RUNNER_LABELS_ANNOTATION)
        and [text(container, "name") for container in pod.containers()] == [REGISTRAR]
    )


def is_prepull(resource: Resource, pod: Pod) -> bool:
    """Whether this only has a pool's images pulled ahead: it runs the program's fixed words and has no volume.

    Such a pod stands on GPU nodes without a GPU. What it says of itself is not enough: its commands are compared.
    """
    commands = [container.get("command") for container in pod.containers()]
    return (
        resource.kind == "DaemonSet"
        and PREPULL_LABEL in pod.labels
        and not pod.is_runner
        and not is_set(pod.spec, "volumes")
        and pod.spec.get("automountServiceAccountToken") is False
        and all(command in _PREPULL_COMMANDS for command in commands)
        and not any(is_set(container, name) for container in pod.containers() for name in ("args", "lifecycle"))
    )


def _pod(resource: Resource) -> Pod | None:
    """None for a patch that does not touch its pod."""
    template: Any = resource.inputs
    for step in POD_PATHS[resource.kind]:
        template = template.get(step) if isinstance(template, Mapping) else template
        if isinstance(template, Unknown):
            break
    if isinstance(template, Unknown):
        template = {"metadata": UNKNOWN, "spec": UNKNOWN}
    if not isinstance(template, Mapping):
        return None
    metadata = mapping(template, "metadata")
    return Pod(
        mapping(metadata, "labels"),
        mapping(metadata, "annotations"),
        mapping(template, "spec"),
        tuple(unknown_paths({"metadata": template.get("metadata"), "spec": template.get("spec")})),
    )
