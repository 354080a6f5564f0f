"""EgressRule: one network and the ports at which it may be reached. NetworkPolicy knows addresses, no names."""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final, NotRequired, TypedDict

# A pod that gets here may speak for its node: blocked whatever a stack calls the internet, unless egress names it.
# Link-local (AWS, GCP, Azure, OpenStack), AWS over IPv6, Alibaba, Oracle, and Azure's WireServer.
METADATA_NETWORKS: Final = (
    "169.254.0.0/16",
    "fe80::/10",
    "fd00:ec2::254/128",
    "100.100.100.200/32",
    "192.0.0.192/32",
    "168.63.129.16/32",
)


class EgressRule(TypedDict):
    """One allowed destination."""

    cidr: str
    """A network, e.g. `10.85.0.1/32`."""
    ports: NotRequired[list[int]]
    """TCP ports; all of them when absent."""


def host_rule(address: str, ports: Sequence[int]) -> EgressRule:
    """One IPv4 or IPv6 address, or a network. Raises ValueError where it is neither."""
    if "%" in address:
        raise ValueError(f"{address!r} has a zone, which is of one machine alone")
    return {"cidr": str(ipaddress.ip_network(address)), "ports": list(ports)}


def covers(rule: EgressRule, wanted: EgressRule) -> bool:
    """Whether the rule alone allows every address and port of the wanted one."""
    network, wished = ipaddress.ip_network(rule["cidr"]), ipaddress.ip_network(wanted["cidr"])
    if not (_starts_in(wished, network) and wished.prefixlen >= network.prefixlen):
        return False
    ports, wished_ports = rule.get("ports"), wanted.get("ports")
    return not ports or (bool(wished_ports) and set(wished_ports or ()) <= set(ports))


def uncovered(wanted: Iterable[EgressRule], rules: Sequence[EgressRule]) -> list[EgressRule]:
    """Those of the wanted destinations that none of the rules allows as a whole."""
    return [wish for wish in wanted if not any(covers(rule, wish) for rule in rules)]


def overlaps(cidr: str, others: Iterable[str]) -> bool:
    """Whether a network shares an address with one of the others."""
    network = ipaddress.ip_network(cidr)
    return any(_starts_in(network, other) or _starts_in(other, network) for other in map(ipaddress.ip_network, others))


def as_block(rules: Iterable[EgressRule]) -> str:
    """The rules as they stand in a stack file, with the key `egress`."""
    lines = ["egress:"]
    for rule in rules:
        lines.append(f"  - cidr: {rule['cidr']}")
        if rule.get("ports"):
            lines.append(f"    ports: {list(rule['ports'])}")
    return "\n".join(lines)


def _starts_in(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network, other: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> bool:
    """Whether the first address of a network lies in the other one; those of two families never do."""
    return network.network_address in other
