"""Network policies as plain specs: everything is denied, then the few ways are named.

NetworkPolicy knows addresses, not names: "the internet" is every address but the blocked ranges, and a forge or a
remote inside those ranges is allowed by an entry of its own. A list of peers that is empty would mean everybody, so a
way without peers is left out.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import pulumi_kubernetes as k8s

from components.labels import NAMESPACE_NAME_LABEL
from values.contract import REGISTRAR_PORT, REGISTRAR_STATUS_PORT
from values.egress import METADATA_NETWORKS, EgressRule, covers

DNS_NAMESPACE: Final = "kube-system"
DNS_PORT: Final = 53
IPV4: Final = "0.0.0.0/0"
IPV6: Final = "::/0"
# RFC 6052: under this prefix a gateway may offer every IPv4 address to pods that have IPv6 only.
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")

# Quoted, so that a stack which makes no policies does not load their module.
Spec: TypeAlias = "k8s.networking.v1.NetworkPolicySpecArgsDict"
Egress: TypeAlias = "k8s.networking.v1.NetworkPolicyEgressRuleArgsDict"
Ingress: TypeAlias = "k8s.networking.v1.NetworkPolicyIngressRuleArgsDict"
Peer: TypeAlias = "k8s.networking.v1.NetworkPolicyPeerArgsDict"
Port: TypeAlias = "k8s.networking.v1.NetworkPolicyPortArgsDict"


def deny_all() -> Spec:
    """No traffic in or out, for every pod of the namespace."""
    return {"pod_selector": {}, "policy_types": ["Ingress", "Egress"]}


def runner_egress(
    registrar_namespace: str, allowed: Iterable[EgressRule], blocked: Sequence[str], resolvers: Iterable[str]
) -> Spec:
    """What a runner may reach: DNS, the registrar, the internet without the blocked ranges, and what is allowed.

    resolvers are the networks in which the cluster's DNS may answer.
    """
    closed = [*blocked, *METADATA_NETWORKS]
    egress: list[Egress] = [
        _dns(resolvers),
        {"to": [_namespace(registrar_namespace)], "ports": _tcp([REGISTRAR_PORT])},
        *_internet(IPV4, [cidr for cidr in closed if ":" not in cidr]),
        *_internet(IPV6, [_behind_nat64(cidr) if ":" not in cidr else cidr for cidr in closed]),
        *map(_way, allowed),
    ]
    return {"pod_selector": {}, "policy_types": ["Egress"], "egress": egress}


def registrar_traffic(
    doors: Mapping[int, Iterable[str]],
    clients: Iterable[str],
    api_server: Sequence[EgressRule],
    forge: Iterable[EgressRule],
    resolvers: Iterable[str],
) -> Spec:
    """In: the namespaces at each of its doors, by port, and its clients that read. Out: DNS, its forge, the API server.

    The API server is a client too: the review and the doctor read through its proxy.
    """
    readers = [*map(_namespace, sorted(set(clients))), *(_block(rule["cidr"]) for rule in api_server)]
    ingress = [
        *(rule for port, names in doors.items() for rule in _from(list(map(_namespace, sorted(set(names)))), [port])),
        *_from(readers, [REGISTRAR_STATUS_PORT]),
    ]
    egress: list[Egress] = [_dns(resolvers), *map(_way, [*api_server, *forge])]
    return {"pod_selector": {}, "policy_types": ["Ingress", "Egress"], "ingress": ingress, "egress": egress}


def _from(peers: Sequence[Peer], ports: Iterable[int]) -> list[Ingress]:
    return [{"from_": peers, "ports": _tcp(ports)}] if peers else []


def _way(rule: EgressRule) -> Egress:
    """A rule that is wider than a metadata address does not name it, and so does not open it."""
    wide: EgressRule = {"cidr": rule["cidr"]}
    closed = [*METADATA_NETWORKS, *(_behind_nat64(cidr) for cidr in METADATA_NETWORKS if ":" not in cidr)]
    within = [cidr for cidr in closed if cidr != wide["cidr"] and covers(wide, {"cidr": cidr})]
    to: list[Peer] = [_block(rule["cidr"], within)]
    ports = rule.get("ports", [])
    return {"to": to, "ports": _tcp(ports)} if ports else {"to": to}


def _internet(whole: str, closed: Sequence[str]) -> list[Egress]:
    """Every address but the closed ones; nothing where all are closed, for the API takes no such exception."""
    if whole in closed:
        return []
    return [{"to": [{"ip_block": {"cidr": whole, "except_": list(dict.fromkeys(closed))}}]}]


def _behind_nat64(cidr: str) -> str:
    network = ipaddress.IPv4Network(cidr)
    first = int(_NAT64.network_address) + int(network.network_address)
    return str(ipaddress.IPv6Network((first, _NAT64.prefixlen + network.prefixlen)))


def _dns(resolvers: Iterable[str]) -> Egress:
    """CoreDNS as pods of kube-system, and by address whatever answers on a node or beside the cluster."""
    both: list[Port] = [{"port": DNS_PORT, "protocol": protocol} for protocol in ("UDP", "TCP")]
    return {"to": [_namespace(DNS_NAMESPACE), *map(_block, resolvers)], "ports": both}


def _block(cidr: str, without: Sequence[str] = ()) -> Peer:
    return {"ip_block": {"cidr": cidr, "except_": list(without)} if without else {"cidr": cidr}}


def _namespace(name: str) -> Peer:
    return {"namespace_selector": {"match_labels": {NAMESPACE_NAME_LABEL: name}}}


def _tcp(ports: Iterable[int]) -> list[Port]:
    return [{"port": int(port), "protocol": "TCP"} for port in ports]
