"""Network policies as plain specs: everything is denied, then the few ways are named.

NetworkPolicy knows addresses, not names: "the internet" is every address but the blocked ranges, and a forge or a
remote inside those ranges is allowed by an entry of its own.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import pulumi_kubernetes as k8s

from components.labels import NAMESPACE_NAME_LABEL
from values.contract import REGISTRAR_PORT
from values.egress import EgressRule

DNS_NAMESPACE: Final = "kube-system"
_API_SERVER_PORTS: Final = (443, 6443)

# Quoted, so that a stack which makes no policies does not load their module.
Spec: TypeAlias = "k8s.networking.v1.NetworkPolicySpecArgsDict"
Way: TypeAlias = "k8s.networking.v1.NetworkPolicyEgressRuleArgsDict"
Peer: TypeAlias = "k8s.networking.v1.NetworkPolicyPeerArgsDict"
Port: TypeAlias = "k8s.networking.v1.NetworkPolicyPortArgsDict"


def deny_all() -> Spec:
    """No traffic in or out, for every pod of the namespace."""
    return {"pod_selector": {}, "policy_types": ["Ingress", "Egress"]}


def runner_egress(registrar_namespace: str, allowed: Sequence[EgressRule], blocked: Sequence[str]) -> Spec:
    """What a runner may reach: DNS, the registrar, the internet without the blocked ranges, and what is allowed."""
    ways: list[Way] = [
        _dns(),
        {"to": [_namespace(registrar_namespace)], "ports": _tcp([REGISTRAR_PORT])},
        {"to": [{"ip_block": {"cidr": "0.0.0.0/0", "except_": [cidr for cidr in blocked if ":" not in cidr]}}]},
        {"to": [{"ip_block": {"cidr": "::/0", "except_": [cidr for cidr in blocked if ":" in cidr]}}]},
    ]
    for rule in allowed:
        to: list[Peer] = [{"ip_block": {"cidr": rule["cidr"]}}]
        ports = rule.get("ports", [])
        ways.append({"to": to, "ports": _tcp(ports)} if ports else {"to": to})
    return {"pod_selector": {}, "policy_types": ["Egress"], "egress": ways}


def registrar_traffic(clients: Iterable[str], forge_port: int) -> Spec:
    """In: its clients' namespaces on its own port. Out: DNS, the API server's usual ports, the forge's port."""
    ports = sorted({*_API_SERVER_PORTS, forge_port})
    return {
        "pod_selector": {},
        "policy_types": ["Ingress", "Egress"],
        "ingress": [{"from_": [_namespace(client) for client in sorted(clients)], "ports": _tcp([REGISTRAR_PORT])}],
        "egress": [_dns(), {"ports": _tcp(ports)}],
    }


def _dns() -> Way:
    both: list[Port] = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
    return {"to": [_namespace(DNS_NAMESPACE)], "ports": both}


def _namespace(name: str) -> Peer:
    return {"namespace_selector": {"match_labels": {NAMESPACE_NAME_LABEL: name}}}


def _tcp(ports: Iterable[int]) -> list[Port]:
    return [{"port": int(port), "protocol": "TCP"} for port in ports]
