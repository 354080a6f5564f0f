"""What the cluster says: its kinds of GPU nodes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightkube.utils.quantity import parse_quantity

from access.cluster.choice import ClusterChoice
from access.cluster.connection import ClusterConnection
from access.cluster.errors import objects_are_read
from access.cluster.kubeconfig import read_contexts
from gpu_runners.init.core.gpu_kinds import GpuKind, gpu_kinds


@dataclass(frozen=True)
class Cluster:
    """server and context, as the kubeconfig names them."""

    server: str
    context: str
    kinds: tuple[GpuKind, ...]


def contexts(environment: Mapping[str, str], folder: Path) -> tuple[list[str], str]:
    """Of the kubeconfig that is there, and the current one, "" without. Raises ClusterError."""
    return read_contexts(ClusterChoice.of_stack({}, environment, folder))


def look(environment: Mapping[str, str], folder: Path, context: str) -> Cluster:
    """Raises ClusterError."""
    choice = ClusterChoice.of_stack({"context": context}, environment, folder)
    with ClusterConnection(choice) as connection, objects_are_read("the question for nodes"):
        kinds = gpu_kinds(connection.items("/api/v1/nodes"), _amount)
        return Cluster(connection.server, connection.context, tuple(kinds))


def _amount(text: str) -> Any:
    return parse_quantity(text)
