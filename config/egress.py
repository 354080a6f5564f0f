"""Reads where pods may connect to, and whether the registrar reaches its forge."""

from collections.abc import Iterable, Sequence
from typing import Final

from config.fields import Section
from config.kinds import NumberKind
from config.networks import NETWORK_KIND
from values.egress import EgressRule
from values.forge_networks import forge_networks
from values.problem import quoted
from values.scope import FORGES, ForgeScope

PORT_KIND: Final = NumberKind(1, 65535, hint="a port's number, e.g. 443 for https")
MOST_PORTS: Final = 100


def read_egress(section: Section) -> EgressRule:
    """One destination: a network, and its ports."""
    section.known("cidr", "ports")
    rule: EgressRule = {"cidr": section.text("cidr", NETWORK_KIND)}
    ports = {"type": "array", "minItems": 1, "maxItems": MOST_PORTS, "items": PORT_KIND.json_schema}
    section.reads("ports", ports)
    if "ports" in section.values:
        rule["ports"] = _read_ports(section)
    return rule


def _port_of(value: object) -> int | None:
    """The one port that somebody wrote without the list around it."""
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else value
    return number if isinstance(number, int) and PORT_KIND.is_one(number) else None


def _read_ports(section: Section) -> list[int]:
    """At least one: no ports at all would be every port to NetworkPolicy."""
    value = section.values["ports"]
    if not isinstance(value, list) or not 0 < len(value) <= MOST_PORTS:
        port = _port_of(value)
        cure = f"write [{port}]" if port else "write the ports' numbers, e.g. [443]"
        if isinstance(value, list) and len(value) > MOST_PORTS:
            cure = "leave some out, or write the others into a second entry"
        section.note("ports", quoted(value), f"a list of 1 to {MOST_PORTS} TCP ports", cure)
        return []
    for index, port in enumerate(value):
        if not PORT_KIND.is_one(port):
            section.note(f"ports[{index}]", quoted(port), PORT_KIND.allowed, PORT_KIND.cure_for(port))
    section.once("ports", [str(port) for port in value if PORT_KIND.is_one(port)])
    return [port for port in value if PORT_KIND.is_one(port)]


def check_port(section: Section, egress: Iterable[EgressRule], port: int, whose: str) -> None:
    """Whether the destinations of a section, which are there for one server, have the port at which it answers."""
    ports = [rule.get("ports") for rule in egress]
    if ports and all(ports) and not any(port in (named or ()) for named in ports):
        found = f"ports {', '.join(str(one) for one in sorted({one for named in ports for one in named or ()}))}"
        section.note("egress", found, f"{port} among them, where {whose} answers", f"add {port} to the ports")


def check_forge_is_reached(registrar: Section, forge: ForgeScope, egress: Sequence[EgressRule]) -> None:
    """The registrar reaches its forge and nothing else, so somebody must say where a forge answers that has a name."""
    if not forge.url or forge.kind not in FORGES or forge_networks(forge):
        return
    if egress and registrar.is_well("egress"):
        check_port(registrar, egress, forge.port, "the forge")
    elif not registrar.values.get("egress"):
        allowed = f"where {forge.host} answers, e.g. [{{cidr: 203.0.113.7/32, ports: [{forge.port}]}}]"
        cure = f"`getent ahosts {forge.host}` tells its addresses"
        registrar.note("egress", "nothing", allowed, cure)
