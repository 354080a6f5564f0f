"""Asks the registrar to remove a runner: it cordons, looks for a job and removes, and knows whose a runner is.

It listens to whoever may make a token of its own ServiceAccount.
"""

import json
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterRefusedError
from gpu_runners.review.errors import ReviewFailedError
from values.contract import (
    REGISTRAR_STATUS_PORT,
    REMOVALS_AUDIENCE,
    REMOVALS_PATH,
    SERVICE_NAME,
    TRUST_CONFIG_MAP,
    TRUST_URL_KEY,
)

_TOKEN_SECONDS: Final = 600  # the shortest that the API server makes


class RunnerRemoval:
    """Removals at the registrar that serves these namespaces."""

    def __init__(self, cluster: ClusterConnection, namespaces: Iterable[str]) -> None:
        self._cluster, self._namespaces = cluster, tuple(namespaces)

    def remove(self, scope: str, runner_id: int, name: str) -> None:
        """Raises ReviewFailedError where no namespace has a registrar, or with the registrar's words; ClusterError."""
        place = self._place()
        account = f"/api/v1/namespaces/{place}/serviceaccounts/{SERVICE_NAME}/token"
        spec = {"audiences": [REMOVALS_AUDIENCE], "expirationSeconds": _TOKEN_SECONDS}
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        token = self._cluster.send("POST", account, body=json.dumps(request))["status"]["token"]
        service = f"/api/v1/namespaces/{place}/services/https:{SERVICE_NAME}:{REGISTRAR_STATUS_PORT}/proxy"
        asked = {"token": token, "scope": scope, "id": runner_id, "name": name}
        try:
            self._cluster.send("POST", f"{service}{REMOVALS_PATH}", body=json.dumps(asked))
        except ClusterRefusedError as error:
            raise ReviewFailedError(f"the registrar did not remove it: {error.message}") from error

    def _place(self) -> str:
        """The registrar's namespace."""
        for namespace in self._namespaces:
            trust = self._cluster.find(f"/api/v1/namespaces/{namespace}/configmaps/{TRUST_CONFIG_MAP}")
            host = urlsplit(((trust or {}).get("data") or {}).get(TRUST_URL_KEY, "")).hostname or ""
            if host.startswith(f"{SERVICE_NAME}."):
                return host.split(".")[1]
        raise ReviewFailedError("no namespace of this stack names a registrar, which removes runners")
