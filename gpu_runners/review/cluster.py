"""The API server as a review needs it: what kinds there are, their objects, and for a repair three ways to write."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from lightkube.config.client_adapter import Client, ConnectionParams

from access.cluster import ClusterAccessError, ClusterChoice, read_choice
from gpu_runners.review.core.evidence import PARTIAL
from gpu_runners.review.core.findings import ObjectName
from gpu_runners.review.errors import ReviewError

TIMEOUT_SECONDS = 20.0
PAGE = 500
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class NotReadError(ReviewError):
    """One thing could not be read."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A kind as the API server serves it."""

    kind: str
    version: str  # e.g. apps/v1
    plural: str
    namespaced: bool
    listable: bool

    @property
    def root(self) -> str:
        return f"/{'apis' if '/' in self.version else 'api'}/{self.version}"

    def path(self, namespace: str, name: str = "") -> str:
        """Where its objects, or one of them, are."""
        inside = f"/namespaces/{namespace}" if self.namespaced else ""
        return f"{self.root}{inside}/{self.plural}{f'/{name}' if name else ''}"


class Cluster:
    """A connection to the API server that KUBECONFIG, or the pod's ServiceAccount, names. Use from one thread."""

    def __init__(self, context: str = "") -> None:
        environment = os.environ
        choice = ClusterChoice(environment.get("KUBECONFIG", ""), context, Path(environment.get("HOME", "/")))
        try:
            config = read_choice(choice)
        except ClusterAccessError as error:
            raise ReviewError(str(error)) from error
        self._http = Client(config, ConnectionParams(timeout=httpx2.Timeout(TIMEOUT_SECONDS)))
        self._resources: dict[tuple[str, str], Resource] = {}

    def close(self) -> None:
        self._http.close()

    def resources(self) -> list[Resource]:
        """Every kind that can be listed, each in its preferred version. Raises NotReadError."""
        if not self._resources:
            for path in ("/api", "/apis"):
                for group in self._get(path, accept=_AGGREGATED)["items"]:
                    self._learn(group)
        return list(self._resources.values())

    def objects(self, resource: Resource, namespace: str, *, whole: bool) -> list[dict[str, Any]]:
        """The objects of a kind in a namespace; their metadata alone unless `whole`. Raises NotReadError."""
        found: list[dict[str, Any]] = []
        parameters = {"limit": str(PAGE)}
        while True:
            accept = "application/json" if whole else _METADATA
            page = self._get(resource.path(namespace), accept=accept, parameters=parameters)
            mark = {} if whole else {"partial": PARTIAL}
            names = {"kind": resource.kind, "apiVersion": resource.version}
            found += [{**item, **names, **mark} for item in page.get("items") or ()]
            more = page.get("metadata", {}).get("continue")
            if not more:
                return found
            parameters["continue"] = more

    def find(self, name: ObjectName) -> dict[str, Any] | None:
        """One object, None where it is gone. Raises NotReadError."""
        answer = self._request("GET", self._path(name))
        if answer.status_code == 404:
            return None
        return dict(self._answered(answer))

    def read(self, path: str) -> Any:
        """The JSON at a path. Raises NotReadError."""
        return self._get(path)

    def apply(self, name: ObjectName, declared: Mapping[str, Any], manager: str) -> None:
        """Server-side apply as the manager that Pulumi is, taking every declared field back."""
        parameters = {"fieldManager": manager, "force": "true"}
        headers = {"Content-Type": "application/apply-patch+yaml"}
        path = self._path(name)
        self._answered(self._request("PATCH", path, content=json.dumps(declared), headers=headers, params=parameters))

    def patch(self, name: ObjectName, operations: list[dict[str, Any]]) -> None:
        """A JSON patch."""
        headers = {"Content-Type": "application/json-patch+json"}
        self._answered(self._request("PATCH", self._path(name), content=json.dumps(operations), headers=headers))

    def delete(self, name: ObjectName) -> None:
        """Deletes an object, whether it is there or not."""
        answer = self._request("DELETE", self._path(name), params={"propagationPolicy": "Background"})
        if answer.status_code != 404:
            self._answered(answer)

    def _path(self, name: ObjectName) -> str:
        self.resources()
        group = name.version.rpartition("/")[0]
        resource = self._resources.get((group, name.kind))
        if resource is None:
            raise NotReadError(f"{name}: the API server does not serve the kind {name.version} {name.kind}")
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

    def _get(self, path: str, *, accept: str = "application/json", parameters: Mapping[str, str] | None = None) -> Any:
        return self._answered(self._request("GET", path, headers={"Accept": accept}, params=dict(parameters or {})))

    def _request(self, method: str, path: str, **more: Any) -> httpx2.Response:
        try:
            return self._http.request(method, path, **more)
        except httpx2.HTTPError as error:
            raise NotReadError(f"{method} {path}: {error or type(error).__name__}") from error

    @staticmethod
    def _answered(answer: httpx2.Response) -> Any:
        if not answer.is_success:
            try:
                message = answer.json().get("message", "")
            except ValueError:
                message = answer.text
            where = f"{answer.request.method} {answer.request.url.path}"
            raise NotReadError(f"{where}: {answer.status_code} {message[:300]}")
        return answer.json()
