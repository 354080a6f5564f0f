"""Asks the registrar itself, through the API server: whether it runs, and whether its forge answers it from inside."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterError, ClusterRefusedError
from gpu_runners.doctor.core.findings import Finding, ok, unknown
from gpu_runners.doctor.core.registrar import CHECK, of_forge, of_silence
from values.contract import FORGE_PATH, REGISTRAR_STATUS_PORT, SERVICE_NAME, TRUST_CONFIG_MAP, TRUST_URL_KEY

_FORBIDDEN: Final = (401, 403)
_SELECTOR: Final = {"labelSelector": f"app.kubernetes.io/name={SERVICE_NAME}"}


def registrar_place(cluster: ClusterConnection, namespace: str) -> str:
    """The namespace of the registrar that serves this one, "" where none does. Raises ClusterError."""
    trust = cluster.find(f"/api/v1/namespaces/{namespace}/configmaps/{TRUST_CONFIG_MAP}") or {}
    host = urlsplit(str((trust.get("data") or {}).get(TRUST_URL_KEY) or "")).hostname or ""
    return host.split(".")[1] if host.startswith(f"{SERVICE_NAME}.") and host.count(".") >= 2 else ""


def registrar(cluster: ClusterConnection, namespace: str, *, declared: bool) -> Iterator[Finding]:
    """What the registrar in a namespace says. declared: this very stack makes it, so it may not be there yet."""
    service = f"/api/v1/namespaces/{namespace}/services"
    asked = f"{service}/https:{SERVICE_NAME}:{REGISTRAR_STATUS_PORT}/proxy{FORGE_PATH}"
    cure = "let an administrator of the platform, or the previewer, run this"
    try:
        answer = cluster.get(asked)
    except ClusterRefusedError as error:
        if error.status in _FORBIDDEN:
            yield unknown(CHECK, f"this identity may not ask it: {error.message}", cure)
        elif error.status == 404:
            yield _absent(cluster, f"{service}/{SERVICE_NAME}", declared=declared)
        else:
            yield of_silence(namespace, error.message, _pods(cluster, namespace))
    except ClusterError as error:  # as where nothing behind the Service answers in time
        yield of_silence(namespace, error.problem.found, _pods(cluster, namespace))
    else:
        yield from of_forge(namespace, answer)


def _absent(cluster: ClusterConnection, service: str, *, declared: bool) -> Finding:
    """A 404 is the API server's where there is no Service, and the registrar's where it is too old for the question."""
    try:
        is_there = cluster.find(service) is not None
    except ClusterError:
        is_there = False
    if is_there:
        return unknown(CHECK, "it is older than this program and cannot be asked", "bring up the platform's stack")
    if declared:
        return ok(CHECK, "it is not there yet: this stack makes it")
    return unknown(CHECK, "there is none", "bring up the platform's stack first")


def _pods(cluster: ClusterConnection, namespace: str) -> list[dict[str, Any]] | None:
    try:
        return list(cluster.get(f"/api/v1/namespaces/{namespace}/pods", _SELECTOR).get("items") or ())
    except ClusterError:
        return None
