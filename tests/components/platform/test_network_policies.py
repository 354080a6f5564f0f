"""What the policies let through, judged address by address as an enforcer judges: by peer, port and protocol."""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from components.platform.network_policies import _tcp as tcp
from components.platform.network_policies import deny_all, registrar_traffic, runner_egress
from tests.program.stack_values import API_SERVER, defaults
from values.contract import REGISTRAR_PORT, REGISTRAR_STATUS_PORT
from values.egress import EgressRule, host_rule

BLOCKED: list[str] = defaults()["blockedCidrs"]
RESOLVERS: list[str] = defaults()["dnsCidrs"]
FORGE: EgressRule = {"cidr": "203.0.113.7/32", "ports": [443]}


def lets_out(spec: Mapping[str, Any], address: str, port: int, protocol: str = "TCP") -> bool:
    """Whether a pod under this policy may open a connection to an address that is no pod's."""
    return any(_matches(way, "to", address, port, protocol) for way in spec["egress"])


def _matches(way: Mapping[str, Any], side: str, address: str, port: int, protocol: str) -> bool:
    if "ports" in way and (port, protocol) not in {(entry["port"], entry["protocol"]) for entry in way["ports"]}:
        return False
    # Kubernetes: no list of peers, or an empty one, is everybody.
    return not way.get(side) or any(_holds(peer.get("ip_block"), address) for peer in way[side])


def _holds(block: Mapping[str, Any] | None, address: str) -> bool:
    return block is not None and within(address, [block["cidr"]]) and not within(address, block.get("except_", ()))


def within(address: str, networks: Iterable[str]) -> bool:
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(network) for network in networks)


def namespaces(peers: Sequence[Mapping[str, Any]]) -> list[str]:
    return [next(iter(peer["namespace_selector"]["match_labels"].values())) for peer in peers if "ip_block" not in peer]


def of_runners(allowed: Sequence[EgressRule] = (), blocked: Sequence[str] = BLOCKED) -> Mapping[str, Any]:
    return runner_egress("system", allowed, blocked, RESOLVERS)


def of_registrar(clients: Sequence[str] = ("monitoring",), autoscalers: Sequence[str] = ()) -> Mapping[str, Any]:
    return registrar_traffic({8443: ["dev", "base"], 8445: autoscalers}, clients, API_SERVER.egress, [FORGE], RESOLVERS)


@pytest.mark.parametrize("protocol", ["UDP", "TCP"])
@pytest.mark.parametrize(
    "resolver",
    [
        "10.96.0.10",  # a Service, where an enforcer sees its own address
        "169.254.20.10",  # NodeLocal DNSCache
        "169.254.169.254",  # Cloud DNS for GKE
        "10.85.0.1",  # a process of the node
        "fd00::10",
    ],
)
def test_names_resolve_wherever_a_cluster_has_its_dns(resolver: str, protocol: str) -> None:
    assert lets_out(of_runners(), resolver, 53, protocol)
    assert lets_out(of_registrar(), resolver, 53, protocol)


def test_names_resolve_at_pods_of_kube_system() -> None:
    for spec in (of_runners(), of_registrar()):
        assert namespaces(spec["egress"][0]["to"]) == ["kube-system"]


def test_dns_opens_no_other_port_and_the_registrar_no_resolver_of_the_internet() -> None:
    for resolver in ("10.96.0.10", "169.254.20.10", "169.254.169.254", "10.85.0.1"):
        for port in (80, 443, 853, 5353, 10250):
            assert not lets_out(of_runners(), resolver, port)
            assert not lets_out(of_registrar(), resolver, port)
    for protocol in ("UDP", "TCP"):
        assert not lets_out(of_registrar(), "8.8.8.8", 53, protocol)
        assert not lets_out(of_registrar(), "2001:4860:4860::8888", 53, protocol)


METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "fd00:ec2::254",
    "fe80::a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",  # 169.254.169.254 behind NAT64
    "64:ff9b::a83f:8110",  # 168.63.129.16 behind NAT64
]


@pytest.mark.parametrize("ports", [[], [80]])
@pytest.mark.parametrize("wide", ["0.0.0.0/0", "::/0", "168.0.0.0/6", "192.0.0.0/8", "100.64.0.0/10", "64:ff9b::/96"])
def test_a_way_out_that_is_wide_opens_no_metadata_address(wide: str, ports: list[int]) -> None:
    allowed: EgressRule = {"cidr": wide, "ports": ports} if ports else {"cidr": wide}
    policy = of_runners([allowed])
    assert [address for address in METADATA if lets_out(policy, address, 80)] == []
    assert lets_out(policy, str(ipaddress.ip_network(wide)[9]), 80)


def test_a_metadata_address_that_is_named_is_open() -> None:
    assert lets_out(of_runners([{"cidr": "169.254.169.254/32", "ports": [80]}]), "169.254.169.254", 80)


@pytest.mark.parametrize("address", METADATA)
@pytest.mark.parametrize("blocked", [BLOCKED, [], ["10.0.0.0/8"]])
def test_metadata_addresses_are_blocked_whatever_a_stack_blocks(address: str, blocked: list[str]) -> None:
    for port in (80, 443, 32526):
        assert not lets_out(of_runners(blocked=blocked), address, port)
        assert not lets_out(of_registrar(), address, port)


@pytest.mark.parametrize("address", ["10.1.2.3", "172.20.0.1", "192.168.1.1", "100.64.0.1", "240.0.0.1", "fd12::1"])
def test_runners_reach_no_private_address_but_those_that_are_named(address: str) -> None:
    assert not lets_out(of_runners(), address, 443)
    named = of_runners([host_rule(address, [443])])
    assert lets_out(named, address, 443)
    assert not lets_out(named, address, 80)


@pytest.mark.parametrize("address", ["198.51.100.7", "140.82.121.6", "2606:50c0::1"])
def test_runners_reach_the_internet_and_the_registrar_does_not(address: str) -> None:
    assert lets_out(of_runners(), address, 443)
    assert not lets_out(of_registrar(), address, 443)


def test_the_registrar_reaches_its_forge_and_the_api_server_at_their_ports_only() -> None:
    spec = of_registrar()
    for address, port in (("203.0.113.7", 443), ("10.0.1.12", 6443), ("10.96.0.1", 443)):
        assert lets_out(spec, address, port)
        assert not lets_out(spec, address, port + 1)
        assert not lets_out(spec, str(ipaddress.ip_address(address) + 1), port)


def test_a_stack_without_internet_gets_a_policy_that_the_api_server_accepts() -> None:
    spec = of_runners(blocked=["0.0.0.0/0", "::/0"])
    assert not lets_out(spec, "198.51.100.7", 443)
    assert not lets_out(spec, "2606:50c0::1", 443)


@pytest.mark.parametrize("blocked", [BLOCKED, [], ["0.0.0.0/0"], ["::/0"], ["0.0.0.0/0", "::/0"], ["fe80::/10"]])
def test_every_exception_lies_strictly_within_its_network_and_is_named_once(blocked: list[str]) -> None:
    for way in of_runners(blocked=blocked)["egress"]:
        for block in (peer["ip_block"] for peer in way.get("to", ()) if "ip_block" in peer):
            whole, closed = ipaddress.ip_network(block["cidr"]), [*map(ipaddress.ip_network, block.get("except_", ()))]
            assert len(closed) == len(set(closed))
            assert all(network.version == whole.version and network != whole for network in closed)
            assert all(network.network_address in whole for network in closed)


def test_granted_namespaces_register_and_clients_read_and_the_api_server_reads_for_people() -> None:
    register, read = of_registrar()["ingress"]
    assert namespaces(register["from_"]) == ["base", "dev"]
    assert register["ports"] == tcp([REGISTRAR_PORT])
    assert read["ports"] == tcp([REGISTRAR_STATUS_PORT])
    assert namespaces(read["from_"]) == ["monitoring"]
    blocks = [peer["ip_block"]["cidr"] for peer in read["from_"] if "ip_block" in peer]
    assert blocks == ["10.0.1.12/32", "10.96.0.1/32"]


def test_no_way_has_an_empty_list_of_peers_for_that_would_be_everybody() -> None:
    specs = [
        runner_egress("system", [], [], []),
        registrar_traffic({8443: [], 8445: []}, [], [], [], []),
        registrar_traffic({8443: ["dev"]}, [], [], [], []),
    ]
    for spec in specs:
        for way in (*spec.get("ingress", ()), *spec.get("egress", ())):
            assert way.get("from_") or way.get("to")


def test_all_traffic_is_denied_first() -> None:
    assert deny_all() == {"pod_selector": {}, "policy_types": ["Ingress", "Egress"]}
