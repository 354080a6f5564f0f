"""DeclaredPool: a pool as its Deployment declares it. Trusts nothing to be there."""

import re
from dataclasses import dataclass
from typing import Final

from lightkube.models.apps_v1 import Deployment
from lightkube.models.core_v1 import PodSpec

from registrar.tolerations import Toleration, read_tolerations
from registrar.untrusted import MalformedError, runner_labels
from values import contract
from values.autoscaling import MOST_IDLE_SECONDS

_REFUSED: Final = "ReplicaFailure"  # a Deployment's condition while one of its pods could not be made
_NUMBER: Final = re.compile(r"[0-9]{1,6}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Devices:
    """What one runner asks of a node: so many devices of one resource, on nodes with these labels.

    tolerations are of the taints of nodes to which it may come all the same;
    priority_class is the name of its PriorityClass, "" for the cluster's default one.
    """

    resource: str
    count: int
    node_selector: frozenset[tuple[str, str]] = frozenset()
    tolerations: frozenset[Toleration] = frozenset()
    priority_class: str = ""

    def may_share_nodes(self, other: "Devices") -> bool:
        """Whether an untainted node could hold runners of both: the same resource, and no label that differs."""
        mine, others = dict(self.node_selector), dict(other.node_selector)
        return self.resource == other.resource and all(mine[key] == others[key] for key in mine.keys() & others.keys())


@dataclass(frozen=True, kw_only=True)
class DeclaredPool:
    """A pool as somebody wrote it: `labels` are empty where they are malformed, `most` None where nothing bounds it.

    `least` and `idle_seconds` are how it follows the queue; idle_seconds is None where it does not. is_fixed: nothing
    scales it, so that `most` are the runners that it has. is_refused: the API server takes no more of its pods (a
    quota, admission).
    """

    namespace: str
    deployment: str
    name: str
    labels: frozenset[str]
    most: int | None = None
    is_fixed: bool = False
    is_refused: bool = False
    least: int = 0
    idle_seconds: int | None = None
    devices: Devices | None = None

    @property
    def key(self) -> str:
        """As the queue names it."""
        return f"{self.namespace}/{self.name}"


def read_declared_pool(deployment: Deployment) -> DeclaredPool:
    """A Deployment that carries the pool label."""
    metadata, spec = deployment.metadata, deployment.spec
    template = spec.template.metadata if spec is not None else None
    annotations = (metadata.annotations if metadata else None) or {}
    try:
        labels = runner_labels(((template and template.annotations) or {}).get(contract.RUNNER_LABELS_ANNOTATION, ""))
    except MalformedError:
        labels = ()
    name: object = ((template and template.labels) or {}).get(contract.POOL_LABEL)
    idle_seconds = _number(annotations.get(contract.IDLE_SECONDS_ANNOTATION))
    most = _number(annotations.get(contract.MOST_RUNNERS_ANNOTATION))
    is_fixed = most is None and annotations.get(contract.AUTOSCALED_ANNOTATION) != "true"
    return DeclaredPool(
        namespace=(metadata and metadata.namespace) or "",
        deployment=(metadata and metadata.name) or "",
        name=name if isinstance(name, str) else "",
        labels=frozenset(labels),
        most=((spec and spec.replicas) or 0) if is_fixed else most,
        is_fixed=is_fixed,
        is_refused=any(
            condition.type == _REFUSED and condition.status == "True"
            for condition in (deployment.status and deployment.status.conditions) or ()
        ),
        least=_number(annotations.get(contract.LEAST_RUNNERS_ANNOTATION)) or 0,
        idle_seconds=None if idle_seconds is None else min(idle_seconds, MOST_IDLE_SECONDS),
        devices=_devices(spec.template.spec if spec is not None else None),
    )


def _devices(pod: PodSpec | None) -> Devices | None:
    """What the runner's container asks of a device plugin, whose resources alone have a domain."""
    containers = (pod and pod.containers) or []
    container = next((container for container in containers if container.name == contract.RUNNER_CONTAINER), None)
    limits = (container and container.resources and container.resources.limits) or {}
    for resource in sorted(limits):
        count = _number(limits[resource])
        if "/" in resource and count:
            nodes: dict[str, object] = dict((pod and pod.nodeSelector) or {})
            selector = frozenset((key, value) for key, value in nodes.items() if isinstance(value, str))
            priority_class = (pod and pod.priorityClassName) or ""
            return Devices(
                resource=resource, count=count, node_selector=selector, tolerations=read_tolerations(pod),
                priority_class=priority_class,
            )  # fmt: skip
    return None


def _number(text: object) -> int | None:
    """A whole number of up to six digits, None for anything else."""
    return int(text) if isinstance(text, str) and _NUMBER.fullmatch(text) else None
