"""What a review sees of the cluster: all in a stack's namespaces, and what of the cluster reaches into them.

One list for a kind and namespace. What this identity may not read and nobody declares is named and no more.
"""

import contextlib
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterError, ClusterRefusedError
from gpu_runners.errors import CommandFailedError
from gpu_runners.pulumi_command import Program
from gpu_runners.review.cluster import ClusterObjects, Resource
from gpu_runners.review.core import reach
from gpu_runners.review.core.derived import INERT_GROUPS, INERT_KINDS
from gpu_runners.review.core.evidence import declared, key_of, namespaces
from gpu_runners.review.core.findings import ObjectName
from gpu_runners.review.core.roster import MalformedRosterError, Roster
from gpu_runners.stack_cluster import cluster_of
from values.contract import REGISTRAR_STATUS_PORT, SERVICE_NAME, TRUST_CONFIG_MAP, TRUST_URL_KEY

_OF_POOLS: Final = frozenset({"Pod", "ReplicaSet.apps"})
_MAKERS_LAST: Final = ("Pod", "", "ReplicaSet.apps", "Deployment.apps")


class View:
    """The cluster's side, read in one thread."""

    def __init__(
        self, program: Program, resources: list[dict[str, Any]], context: str, without: Collection[str]
    ) -> None:
        self._program, self._resources, self._context, self._without = program, resources, context, without
        self._objects = declared(resources)
        self._namespaces = namespaces(self._objects.values())
        self.unread: list[str] = []
        self.not_looked_at: set[str] = set()
        self.looked_at: set[tuple[str, str]] = set()

    def read(self) -> tuple[list[dict[str, Any]] | None, list[Any] | None]:
        """Live objects and registrations; None where nothing could be read."""
        if not self._objects:
            return [], []
        try:
            choice = cluster_of(self._program, os.environ, self._context, self._resources)
            with ClusterConnection(choice) as connection:
                cluster = ClusterObjects(connection)
                return self._live(cluster), self._runners(cluster)
        except (CommandFailedError, ClusterError) as error:
            self.unread.append(f"cluster: {error}")
            return None, None

    def _live(self, cluster: ClusterObjects) -> list[dict[str, Any]] | None:
        try:
            kinds = sorted((kind for kind in cluster.resources() if kind.listable), key=_order)
        except ClusterError as error:
            self.unread.append(f"kinds of the cluster: {error}")
            return None
        self._note_unserved(kinds)
        live: list[dict[str, Any]] = []
        for namespace in self._namespaces:
            for kind in kinds:
                if kind.namespaced and kind.kind not in INERT_KINDS and kind.group not in INERT_GROUPS:
                    live += self._list(cluster, kind, namespace)
        for kind in kinds:
            if not kind.namespaced and (kind.name in reach.KINDS or self._declares(kind, "")):
                live += self._list(cluster, kind, "")
            elif kind.name == reach.ROLE_BINDING and kind.plural not in self._without:
                live += self._elsewhere_bound(cluster, kind)
        return [*live, *self._own_namespaces(cluster)]

    def _list(self, cluster: ClusterObjects, kind: Resource, namespace: str) -> list[dict[str, Any]]:
        """All of a kind, in the version that the state has of it. Of Secrets only the metadata is ever asked for: what
        is not here cannot leak.
        """
        if kind.plural in self._without:
            return []
        is_declared = self._declares(kind, namespace)
        whole = kind.kind != "Secret" and (is_declared or self._is_compared(kind, namespace))
        try:
            listed = cluster.objects(replace(kind, version=self._version(kind)), namespace, whole=whole)
        except ClusterRefusedError as error:
            if not is_declared:
                self.not_looked_at.add(kind.plural)
                return []
            if not namespace:
                return self._by_name(cluster, kind)
            self.unread.append(f"{kind.plural} in {namespace}: {error}")
            return []
        except ClusterError as error:
            self.unread.append(f"{kind.plural}{f' in {namespace}' if namespace else ''}: {error}")
            return []
        self.looked_at.add((kind.name, namespace))
        return listed if namespace or kind.name in reach.KINDS else self._ours(listed)

    def _note_unserved(self, kinds: Iterable[Resource]) -> None:
        served = {kind.name for kind in kinds}
        for name in sorted({key[0] for key in self._objects} - served):
            self.unread.append(f"{name}: the API server does not serve this kind; `kubectl api-resources` lists those")

    def _ours(self, listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Of objects without a namespace those that the stack declares, and its namespaces."""
        ours = {*self._objects, *(("Namespace", "", name) for name in self._namespaces)}
        return [actual for actual in listed if key_of(actual) in ours]

    def _declares(self, kind: Resource, namespace: str) -> bool:
        return any(key[:2] == (kind.name, namespace) for key in self._objects)

    def _is_compared(self, kind: Resource, namespace: str) -> bool:
        """Whether undeclared objects of this kind are held against something."""
        has_pools = any(key[:2] == ("Deployment.apps", namespace) for key in self._objects)
        return kind.name == "ServiceAccount" or kind.name in reach.KINDS or (has_pools and kind.name in _OF_POOLS)

    def _version(self, kind: Resource) -> str:
        versions = [ours.name.version for key, ours in self._objects.items() if key[0] == kind.name]
        return next(iter(versions), kind.version)

    def _by_name(self, cluster: ClusterObjects, kind: Resource) -> list[dict[str, Any]]:
        """The declared objects of a kind that may not be listed."""
        names = [ours.name for key, ours in self._objects.items() if key[:2] == (kind.name, "")]
        try:
            live = [cluster.find(name) for name in names]
        except ClusterError as error:
            self.unread.append(f"{kind.plural}: {error}")
            return []
        self.looked_at.add((kind.name, ""))
        return [actual for actual in live if actual is not None]

    def _elsewhere_bound(self, cluster: ClusterObjects, kind: Resource) -> list[dict[str, Any]]:
        """Role bindings of other namespaces, which may name accounts of ours."""
        try:
            listed = cluster.objects(kind, whole=True)
        except ClusterError:
            self.not_looked_at.add(f"{kind.plural} of other namespaces")
            return []
        return [actual for actual in listed if key_of(actual)[1] not in self._namespaces]

    def _own_namespaces(self, cluster: ClusterObjects) -> Iterator[dict[str, Any]]:
        """The labels of namespaces that the stack uses and does not declare: webhooks choose by them."""
        for namespace in self._namespaces:
            if ("Namespace", "", namespace) not in self._objects:
                with contextlib.suppress(ClusterError):
                    live = cluster.find(ObjectName(kind="Namespace", namespace="", name=namespace, version="v1"))
                    if live is not None:
                        yield live

    def _runners(self, cluster: ClusterObjects) -> list[Any] | None:
        if "runners" in self._without:
            return None
        try:
            address = next(filter(None, (_registrar(cluster, namespace) for namespace in self._namespaces)), "")
            if not address:
                self.unread.append("registrations at the forge: no namespace of this stack names a registrar")
                return None
            roster = Roster.of(cluster.read(f"{address}/proxy/runners"), self._namespaces)
        except (ClusterError, MalformedRosterError) as error:
            self.unread.append(f"registrations at the forge: {error}")
            return None
        self.unread += [f"registrations at the forge: {problem}" for problem in roster.unread]
        return list(roster.runners)


def _order(kind: Resource) -> tuple[int, str]:
    """Pods before what makes them: a pod that is seen has its ReplicaSet, and that its Deployment."""
    return (_MAKERS_LAST.index(kind.name) if kind.name in _MAKERS_LAST else 1, kind.plural)


def _registrar(cluster: ClusterObjects, namespace: str) -> str:
    """Where the API server passes a request on to the registrar; "" for a namespace that has no runners."""
    trust = cluster.find(ObjectName(kind="ConfigMap", namespace=namespace, name=TRUST_CONFIG_MAP, version="v1"))
    if trust is None:
        return ""
    place = (urlsplit(trust["data"][TRUST_URL_KEY]).hostname or "").split(".")[1]
    return f"/api/v1/namespaces/{place}/services/https:{SERVICE_NAME}:{REGISTRAR_STATUS_PORT}"
