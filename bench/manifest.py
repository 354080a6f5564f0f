"""The Deployment of a pool as Kubernetes takes it, for those who know no Pulumi. Pure."""

from collections.abc import Mapping
from typing import Any

from components.wire_names import in_wire_names


def deployment_manifest(declared: Mapping[str, Any]) -> dict[str, Any]:
    """A Deployment with name, namespace, labels and spec."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {key: declared[key] for key in ("name", "namespace", "labels")},
        "spec": in_wire_names(declared["spec"]),
    }
