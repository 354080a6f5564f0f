"""KEDA in the lab's cluster: its operator and its metrics server as pods, started by whoever needs them.

Its kinds and rights are those of its release; the two Deployments are ours, as the release's need a registry.
"""

import base64
import json
import subprocess
import time
from collections.abc import Mapping
from typing import Any, Final

from lab import build, containers, control_plane, images, node, paths
from lab.build import Say
from lab.catalogue import program
from lab.errors import LabError

NAMESPACE: Final = "keda"
PROGRAM, MANIFESTS, IMAGE = "keda", "keda-manifests", "keda"
OPERATOR, METRICS = "keda-operator", "keda-metrics-apiserver"
API: Final = "/apis/external.metrics.k8s.io/v1beta1"
READY_DEADLINE_SECONDS: Final = 120.0
POLL_SECONDS: Final = 0.3
CERTIFICATES: Final = "/certs"
QUOTA, COUNTED = "counted", "count/scaledobjects.keda.sh"
COUNTED_DEADLINE_SECONDS: Final = 120.0


def up(say: Say) -> None:
    """Builds what is missing and installs KEDA; what is there already stays as it is. Raises LabError."""
    build.build_all(say, (PROGRAM, MANIFESTS))
    images.build_all(say, (IMAGE,))
    images.import_all(say, containers.CTR, (IMAGE,))
    started = time.monotonic()
    _apply([_object("v1", "Namespace", NAMESPACE, {}, namespace=None)])
    for file in program(MANIFESTS).outputs:
        node.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(paths.BIN / file))
    _apply(_objects())
    _await(started)
    _await_counted(started)
    say(f"KEDA is ready after {time.monotonic() - started:.1f} s")


def _apply(objects: list[dict[str, Any]]) -> None:
    items = {"apiVersion": "v1", "kind": "List", "items": objects}
    node.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(items))


def _await(started: float) -> None:
    while True:
        try:
            node.kubectl("rollout", "status", f"deployment/{OPERATOR}", "-n", NAMESPACE, "--timeout=1s")
            node.kubectl("get", "--raw", API)
        except subprocess.CalledProcessError as error:
            if time.monotonic() - started > READY_DEADLINE_SECONDS:
                why = f"{error.stderr.strip()}; see `kubectl get pods -n {NAMESPACE}`"
                raise LabError(f"KEDA was not ready within {READY_DEADLINE_SECONDS:.0f} s: {why}") from error
            time.sleep(POLL_SECONDS)
            continue
        return


def _await_counted(started: float) -> None:
    """Until Kubernetes' quota controller counts ScaledObjects: it looks for new kinds every 30 s.

    Before that nobody can make one where a quota caps them ("status unknown for quota"). The controller looks at a
    quota again once its spec changes.
    """
    limit = 1
    while True:
        _apply([_object("v1", "ResourceQuota", QUOTA, {"hard": {COUNTED: str(limit)}})])
        time.sleep(POLL_SECONDS)
        quota = json.loads(node.kubectl("get", "resourcequota", QUOTA, "-n", NAMESPACE, "-o", "json"))
        if COUNTED in quota.get("status", {}).get("used", {}):
            break
        if time.monotonic() - started > COUNTED_DEADLINE_SECONDS:
            why = f"see `kubectl get resourcequota {QUOTA} -n {NAMESPACE} -o yaml`"
            raise LabError(f"no quota counted ScaledObjects within {COUNTED_DEADLINE_SECONDS:.0f} s: {why}")
        limit += 1
    node.kubectl("delete", "resourcequota", QUOTA, "-n", NAMESPACE)


def _objects() -> list[dict[str, Any]]:
    names = (OPERATOR, METRICS)
    authority = control_plane.authority()
    # One pair for both sides of what they say to each other, and for the API server.
    authority.issue("keda", NAMESPACE, addresses=tuple(f"{name}.{NAMESPACE}.svc" for name in names))
    files = {"ca.crt": "ca.crt", "tls.crt": "keda.crt", "tls.key": "keda.key"}
    data = {key: base64.b64encode(authority.path(file).read_bytes()).decode() for key, file in files.items()}
    operator = [
        "/operator", f"--cert-dir={CERTIFICATES}", "--zap-encoder=console", "--metrics-bind-address=:8080",
        "--health-probe-bind-address=:8081", "--metrics-service-bind-address=:9666",
    ]  # fmt: skip
    adapter = [
        "/adapter", "--port=8080", "--secure-port=6443", f"--cert-dir={CERTIFICATES}",
        f"--client-ca-file={CERTIFICATES}/ca.crt", f"--tls-cert-file={CERTIFICATES}/tls.crt",
        f"--tls-private-key-file={CERTIFICATES}/tls.key", f"--metrics-service-address={OPERATOR}.{NAMESPACE}.svc:9666",
    ]  # fmt: skip
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "certificates", "namespace": NAMESPACE},
            "data": data,
        },
        _deployment(OPERATOR, operator, 9666),
        _deployment(METRICS, adapter, 6443),
        _service(OPERATOR, 9666, 9666),
        _service(METRICS, 443, 6443),
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1beta1.external.metrics.k8s.io"},
            "spec": {
                "service": {"name": METRICS, "namespace": NAMESPACE, "port": 443},
                "group": "external.metrics.k8s.io",
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "caBundle": data["ca.crt"],
            },
        },
    ]


def _deployment(name: str, command: list[str], port: int) -> dict[str, Any]:
    labels = {"app": name}
    environment = {"WATCH_NAMESPACE": "", "POD_NAMESPACE": NAMESPACE, "KEDA_HTTP_DEFAULT_TIMEOUT": "3000"}
    container = {
        "name": name,
        "image": images.reference(IMAGE),
        "imagePullPolicy": "Never",
        "command": command,
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1},
        "volumeMounts": [
            {"name": "certificates", "mountPath": CERTIFICATES, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own
        ],
    }
    pod = {
        "serviceAccountName": OPERATOR,
        "containers": [container],
        "volumes": [
            {"name": "certificates", "secret": {"secretName": "certificates", "defaultMode": 0o444}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }
    template = {"metadata": {"labels": labels}, "spec": pod}
    return _object("apps/v1", "Deployment", name, {"selector": {"matchLabels": labels}, "template": template})


def _service(name: str, port: int, target: int) -> dict[str, Any]:
    return _object("v1", "Service", name, {"selector": {"app": name}, "ports": [{"port": port, "targetPort": target}]})


def _object(
    version: str, kind: str, name: str, spec: Mapping[str, Any], namespace: str | None = NAMESPACE
) -> dict[str, Any]:
    place = {} if namespace is None else {"namespace": namespace}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **place}, "spec": dict(spec)}
