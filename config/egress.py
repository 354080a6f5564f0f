"""Reads where pods may connect to, and whether the registrar reaches its forge."""

from config.fields import Section
from values.egress import EgressRule
from values.forge_networks import forge_networks
from values.kubernetes_syntax import is_cidr
from values.problem import quoted
from values.scope import ForgeScope


def read_egress(section: Section) -> EgressRule:
    """One destination: a network, and its ports."""
    section.known("cidr", "ports")
    rule: EgressRule = {"cidr": section.text("cidr", is_cidr, "a network such as 10.85.0.1/32, without host bits")}
    ports = section.values.get("ports")
    if ports is not None:
        valid = isinstance(ports, list) and all(type(port) is int and 0 < port < 65536 for port in ports)
        if valid and ports:
            rule["ports"] = list(ports)
        else:
            section.note("ports", quoted(ports), "a list of TCP ports", "leave it out to allow all ports")
    return rule


def check_forge_is_reached(registrar: Section, forge: ForgeScope) -> None:
    """The registrar reaches its forge and nothing else, so somebody must say where a forge answers that has a name."""
    if forge.url and not forge_networks(forge) and not registrar.values.get("egress"):
        allowed = f"where {forge.host} answers, e.g. [{{cidr: 203.0.113.7/32, ports: [{forge.port}]}}]"
        cure = f"`getent ahosts {forge.host}` tells its addresses"
        registrar.note("egress", "nothing", allowed, cure)
