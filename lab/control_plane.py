"""etcd, the API server, the controller manager and the scheduler, as processes of this machine."""

import json
import ssl
import urllib.request
from pathlib import Path

from lab import network, paths
from lab.certificates import Authority
from lab.daemon import Daemon

API = f"https://{network.HOST}:6443"
PKI = paths.STATE / "pki"
FRONT_PROXY = "front-proxy-client"
# What the administrator asks for, which every command of a person's is here; one line a request, without its body.
AUDIT_LOG = paths.LOGS / "audit.log"
AUDIT_LOG_MEGABYTES = 50
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [{"level": "Metadata", "users": ["admin"]}, {"level": "None"}],
}
# 15 s by default: it would dominate every measurement of a pool that follows the queue.
AUTOSCALER_PERIOD = "2s"
# The defaults (20 to 50 requests a second) would dominate every measurement of many Deployments.
CLIENT_LIMITS = ("--kube-api-qps=500", "--kube-api-burst=1000")


def authority() -> Authority:
    """The cluster's CA with every certificate that the parts need, and their kubeconfigs. Idempotent."""
    pki = Authority(PKI)
    pki.issue(
        "apiserver", "kube-apiserver",
        addresses=(
            network.HOST, network.API_SERVICE, "127.0.0.1", "localhost", "kubernetes", "kubernetes.default",
            "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
        ),
    )  # fmt: skip
    pki.issue("kubelet-server", "lab", addresses=(network.HOST, "lab"))
    pki.issue("apiserver-kubelet-client", "kube-apiserver-kubelet-client", ("system:masters",))
    users = {
        "admin": ("admin", ("system:masters",)),
        "controller-manager": ("system:kube-controller-manager", ()),
        "scheduler": ("system:kube-scheduler", ()),
        "kubelet": ("system:node:lab", ("system:nodes",)),
        "proxy": ("system:kube-proxy", ()),
    }
    for name, (user, groups) in users.items():
        pki.issue(name, user, groups)
        pki.kubeconfig(name, API, PKI / f"{name}.kubeconfig")
    pki.kubeconfig("admin", API, paths.KUBECONFIG)
    pki.service_account_key()
    _front_proxy().issue("proxy", FRONT_PROXY)
    return pki


def _front_proxy() -> Authority:
    """Who vouches for the API server where it hands a request on, e.g. to KEDA's metrics server: nobody else does."""
    return Authority(PKI / "front-proxy")


def etcd() -> Daemon:
    """etcd on loopback, without fsync: this state is thrown away."""
    argv = [
        str(paths.BIN / "etcd"), f"--data-dir={paths.STATE / 'etcd'}", "--unsafe-no-fsync",
        "--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:2380", "--initial-advertise-peer-urls=http://127.0.0.1:2380",
        "--initial-cluster=default=http://127.0.0.1:2380", "--log-level=warn",
    ]  # fmt: skip
    return Daemon("etcd", argv, ready=lambda: answers("http://127.0.0.1:2379/health"))


def api_server(pki: Authority) -> Daemon:
    """The API server, ready when /readyz says so."""
    policy = paths.STATE / "audit-policy.json"
    argv = [
        str(paths.BIN / "kube-apiserver"), "--etcd-servers=http://127.0.0.1:2379", "--bind-address=0.0.0.0",
        f"--advertise-address={network.HOST}", "--endpoint-reconciler-type=none",
        f"--service-cluster-ip-range={network.SERVICE_RANGE}", "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true", "--profiling=false",
        f"--client-ca-file={pki.path('ca.crt')}", f"--tls-cert-file={pki.path('apiserver.crt')}",
        f"--tls-private-key-file={pki.path('apiserver.key')}",
        f"--kubelet-client-certificate={pki.path('apiserver-kubelet-client.crt')}",
        f"--kubelet-client-key={pki.path('apiserver-kubelet-client.key')}",
        f"--kubelet-certificate-authority={pki.path('ca.crt')}", "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki.service_account_key()}",
        f"--service-account-signing-key-file={pki.service_account_key()}",
        "--event-ttl=2h", "--shutdown-delay-duration=0s", *_handing_on(),
        f"--audit-policy-file={policy}", f"--audit-log-path={AUDIT_LOG}",
        f"--audit-log-maxsize={AUDIT_LOG_MEGABYTES}", "--audit-log-maxbackup=1",
    ]  # fmt: skip
    files = {policy: json.dumps(_AUDIT_POLICY)}
    return Daemon("kube-apiserver", argv, files=files, ready=lambda: answers(f"{API}/readyz", pki.path("ca.crt")))


def _handing_on() -> list[str]:
    """What lets another server answer for a part of the API; without it that one trusts nobody."""
    proxy = _front_proxy()
    return [
        f"--requestheader-client-ca-file={proxy.path('ca.crt')}", f"--requestheader-allowed-names={FRONT_PROXY}",
        "--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={proxy.path('proxy.crt')}", f"--proxy-client-key-file={proxy.path('proxy.key')}",
    ]  # fmt: skip


def controller_manager(pki: Authority) -> Daemon:
    """The controller manager, ready when it is healthy."""
    argv = [
        str(paths.BIN / "kube-controller-manager"), f"--kubeconfig={PKI / 'controller-manager.kubeconfig'}",
        f"--root-ca-file={pki.path('ca.crt')}", f"--service-account-private-key-file={pki.service_account_key()}",
        "--use-service-account-credentials=true", "--leader-elect=false", "--bind-address=127.0.0.1",
        "--concurrent-deployment-syncs=20", "--concurrent-replicaset-syncs=20",
        f"--horizontal-pod-autoscaler-sync-period={AUTOSCALER_PERIOD}", *CLIENT_LIMITS,
    ]  # fmt: skip
    return Daemon(
        "kube-controller-manager", argv, ready=lambda: answers("https://127.0.0.1:10257/healthz", insecure=True)
    )


def scheduler() -> Daemon:
    """The scheduler, ready when it is healthy."""
    argv = [
        str(paths.BIN / "kube-scheduler"), f"--kubeconfig={PKI / 'scheduler.kubeconfig'}", "--leader-elect=false",
        "--bind-address=127.0.0.1", *CLIENT_LIMITS,
    ]  # fmt: skip
    return Daemon("kube-scheduler", argv, ready=lambda: answers("https://127.0.0.1:10259/healthz", insecure=True))


def answers(url: str, ca: Path | None = None, *, insecure: bool = False) -> bool:
    """True where the URL answers 200. `insecure` only for a loopback health port with a self-made certificate."""
    context = ssl.create_default_context(cafile=str(ca) if ca else None)
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
