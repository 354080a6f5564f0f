"""Cluster DNS: CoreDNS as a process of this machine, behind the cluster's DNS service address."""

import json

from lab import network, node, paths
from lab.control_plane import PKI, answers
from lab.daemon import Daemon

_COREFILE = """. {{
  bind {host}
  errors
  health 127.0.0.1:8055
  kubernetes cluster.local in-addr.arpa ip6.arpa {{
    kubeconfig {kubeconfig}
    pods insecure
  }}
}}
"""


def daemon() -> Daemon:
    """CoreDNS; answers for the cluster's names only: nothing in the lab needs the outside."""
    corefile = paths.STATE / "Corefile"
    text = _COREFILE.format(host=network.HOST, kubeconfig=PKI / "admin.kubeconfig")
    argv = [str(paths.BIN / "coredns"), "-conf", str(corefile)]
    return Daemon("coredns", argv, files={corefile: text}, ready=lambda: answers("http://127.0.0.1:8055/health"))


def host_services() -> None:
    """Declares the services whose backends are processes of the host: `kubernetes` and `kube-dns`. Idempotent."""
    dns_ports = [
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
    ]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
        "spec": {"clusterIP": network.DNS_SERVICE, "ports": dns_ports},
    }
    slices = [
        _slice("kubernetes", "default", [{"name": "https", "port": 6443, "protocol": "TCP"}]),
        _slice(
            "kube-dns",
            "kube-system",
            [{"name": port["name"], "port": 53, "protocol": port["protocol"]} for port in dns_ports],
        ),
    ]
    items = {"apiVersion": "v1", "kind": "List", "items": [service, *slices]}
    node.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(items))


def _slice(service: str, namespace: str, ports: list[dict[str, object]]) -> dict[str, object]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{service}-host",
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [network.HOST], "conditions": {"ready": True}}],
        "ports": ports,
    }
