"""What the cluster says: its kinds of GPU nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lightkube.utils.quantity import parse_quantity

from access.cluster.choice import ClusterChoice
from access.cluster.connection import ClusterConnection
from access.cluster.errors import objects_are_read
from access.cluster.kubeconfig import read_contexts
from gpu_runners.init.core.gpu_kinds import ANY, GpuKind, Wanted, gpu_kinds, other_devices


@dataclass(frozen=True)
class Cluster:
    """server and context, as the kubeconfig names them; kinds: the wanted ones.

    beside: those that are not wanted, and devices: other resources of nodes, both where there is no wanted one.
    """

    server: str
    context: str
    kinds: Sequence[GpuKind]
    beside: Sequence[GpuKind] = ()
    devices: Sequence[str] = ()


def contexts(environment: Mapping[str, str], folder: Path) -> tuple[list[str], str]:
    """Of the kubeconfig that is there, and the current one, "" without. Raises ClusterError."""
    return read_contexts(ClusterChoice.of_stack({}, environment, folder))


def look(environment: Mapping[str, str], folder: Path, context: str, wanted: Wanted = ANY) -> Cluster:
    """Raises ClusterError."""
    choice = ClusterChoice.of_stack({"context": context}, environment, folder)
    with ClusterConnection(choice) as connection, objects_are_read("the question for nodes"):
        nodes = list(connection.items("/api/v1/nodes"))
        found = Cluster(connection.server, connection.context, gpu_kinds(nodes, _amount, wanted))
        if found.kinds:
            return found
        return replace(found, beside=gpu_kinds(nodes, _amount), devices=other_devices(nodes, _amount))


def _amount(text: str) -> Any:
    return parse_quantity(text)
