"""Kinds of networks: those that pods may reach, those that they may not, and those of the cluster's DNS."""

import ipaddress
from typing import Final

from config.kinds import TextKind
from values.kubernetes_syntax import is_cidr

_SCHEMA: Final = {"pattern": "^[0-9A-Fa-f.:]+/[0-9]{1,3}$"}


def network_kind(example: str) -> TextKind:
    """An IPv4 or IPv6 network."""
    allowed = f"a network such as {example}, without host bits"
    return TextKind(is_cidr, allowed, lambda text: _cure(text, example), _SCHEMA)


def _cure(text: str, example: str) -> str:
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return f"write addresses, e.g. {example}; `getent ahosts NAME` tells those of a name"
    address, _, bits = str(network).partition("/")
    return f"write {address.partition('%')[0]}/{bits}"


def _is_dns(text: str) -> bool:
    if not is_cidr(text):
        return False
    network = ipaddress.ip_network(text)
    return not network.is_global or network.num_addresses == 1


def _is_elsewhere(text: str) -> bool:
    """Whether a connection can lead there, and in the words of its own family; to a forge on trial by loopback, too."""
    if not is_cidr(text):
        return False
    network = ipaddress.ip_network(text)
    if isinstance(network, ipaddress.IPv6Network):
        return not (network.network_address.ipv4_mapped or network.is_multicast or network.is_unspecified)
    return not (network.is_multicast or network == _BROADCAST or network.subnet_of(_THIS_NETWORK))


def _elsewhere_cure(text: str) -> str:
    if not is_cidr(text):
        return _cure(text, "10.85.0.1/32")
    network = ipaddress.ip_network(text)
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    if mapped is not None and network.prefixlen >= _MAPPED_BITS:
        return f"write {mapped}/{network.prefixlen - _MAPPED_BITS}"
    return "name where the other side answers: no connection leads there"


_MAPPED_BITS: Final = 96
_BROADCAST: Final = ipaddress.IPv4Network("255.255.255.255/32")
_THIS_NETWORK: Final = ipaddress.IPv4Network("0.0.0.0/8")
NETWORK_KIND: Final = TextKind(
    _is_elsewhere,
    "a network such as 10.85.0.1/32, without host bits",
    _elsewhere_cure,
    _SCHEMA,
)
BLOCKED_KIND: Final = network_kind("10.0.0.0/8")
DNS_KIND: Final = TextKind(
    _is_dns,
    "a network such as 10.96.0.10/32, without host bits; of the internet, single addresses only",
    lambda text: (
        "name the addresses of your cluster's DNS: whoever answers on port 53 elsewhere could carry anything away"
        if is_cidr(text)
        else _cure(text, "10.96.0.10/32")
    ),
    _SCHEMA,
)
