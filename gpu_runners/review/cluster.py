"""The API server as a review needs it: what kinds there are, and their objects.

Every method raises ClusterError.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterError
from gpu_runners.review.core.evidence import PARTIAL, kind_of
from gpu_runners.review.core.findings import ObjectName

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class KindNotServedError(ClusterError):
    """The API server knows no such kind, or no more."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A kind as the API server serves it."""

    kind: str
    version: str  # e.g. apps/v1
    plural: str
    namespaced: bool
    listable: bool

    @property
    def group(self) -> str:
        """Its API group, "" for the core's."""
        return self.version.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The kind as its group tells it from another's, e.g. `Deployment.apps`."""
        return kind_of(self.version, self.kind)

    @property
    def root(self) -> str:
        return f"/{'apis' if '/' in self.version else 'api'}/{self.version}"

    def path(self, namespace: str, name: str = "") -> str:
        """Where its objects, or one of them, are."""
        inside = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{self.root}{inside}/{self.plural}{f'/{name}' if name else ''}"


class ClusterObjects:
    """The objects of the cluster behind a connection."""

    def __init__(self, cluster: ClusterConnection) -> None:
        self._cluster = cluster
        self._resources: dict[tuple[str, str], Resource] = {}

    def resources(self) -> list[Resource]:
        """Every kind that can be listed, each in its preferred version."""
        if not self._resources:
            for path in ("/api", "/apis"):
                for group in self._cluster.get(path, accept=_AGGREGATED)["items"]:
                    self._learn(group)
        return list(self._resources.values())

    def objects(self, resource: Resource, namespace: str = "", *, whole: bool) -> list[dict[str, Any]]:
        """The objects of a kind in a namespace, "" for all; their metadata alone unless `whole`."""
        mark = {} if whole else {"partial": PARTIAL}
        names = {"kind": resource.kind, "apiVersion": resource.version}
        accept = "application/json" if whole else _METADATA
        return [{**item, **names, **mark} for item in self._cluster.items(resource.path(namespace), accept=accept)]

    def find(self, name: ObjectName) -> dict[str, Any] | None:
        """One object, None where it is gone."""
        return self._cluster.find(self.path(name))

    def read(self, path: str) -> dict[str, Any]:
        """The JSON at a path."""
        return self._cluster.get(path)

    def path(self, name: ObjectName) -> str:
        """Where an object is. Raises KindNotServedError too."""
        self.resources()
        group = name.version.rpartition("/")[0]
        resource = self._resources.get((group, name.kind))
        if resource is None:
            found = f"{name}: the API server does not serve the kind {name.version} {name.kind}"
            raise KindNotServedError(found, "`kubectl api-resources` lists those that it does")
        return resource.path(name.namespace, name.name)

    def _learn(self, group: Mapping[str, Any]) -> None:
        name = group.get("metadata", {}).get("name", "")
        for version in group.get("versions") or ():
            for entry in version.get("resources") or ():
                kind = entry.get("responseKind", {}).get("kind", "")
                self._resources.setdefault(
                    (name, kind),
                    Resource(
                        kind=kind,
                        version=f"{name}/{version['version']}" if name else version["version"],
                        plural=entry["resource"],
                        namespaced=entry.get("scope") == "Namespaced",
                        listable="list" in (entry.get("verbs") or ()),
                    ),
                )
