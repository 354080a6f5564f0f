"""Which kind of forge answers at a URL, at which addresses, and whose account an owner is."""

import json
import socket
from collections.abc import Iterable, Sequence
from typing import Final

from access.forge_connection import ForgeConnection
from access.forge_errors import ForgeRefusedError, ForgeStatusError, ForgeUnreachableError
from access.github.client import GitHubClient
from values.egress import METADATA_NETWORKS, EgressRule, host_rule, overlaps
from values.forge_networks import forge_networks
from values.scope import GHE_COM, GITEA, GITHUB, GITHUB_COM, ForgeScope, parse_scope

_GITEA_HOSTS: Final = ("gitea.com", "codeberg.org")
# What each answers to anybody, and keys of that; GitHub's refusals name its documentation.
_GREETINGS: Final = (
    (GITEA, "/api/v1/version", ("version",)),
    (GITHUB, "/api/v3/rate_limit", ("resources", "documentation_url")),
)


def kind_at(scope: str, ca: str = "") -> str:
    """`github` or `gitea`, "" where neither can be told. Raises ValueError where the URL is none."""
    forge = parse_scope(GITEA, scope)
    if is_githubs_own(forge.host):
        return GITHUB
    if forge.host in _GITEA_HOSTS:
        return GITEA
    for kind, path, keys in _GREETINGS:
        try:
            with ForgeConnection(forge.url, ca=ca, is_hosted=False) as connection:
                answer = connection.request("GET", path)
            document = json.loads(answer.content)
        except (ForgeRefusedError, ForgeUnreachableError, ValueError):
            continue
        if isinstance(document, dict) and any(key in document for key in keys):
            return kind
    return ""


def is_githubs_own(host: str) -> bool:
    """Whether GitHub itself answers there, and no server of somebody's own."""
    return host == GITHUB_COM or host.endswith((f".{GITHUB_COM}", f".{GHE_COM}"))


def is_organization(forge: ForgeScope, ca: str = "") -> bool | None:
    """Whether the owner is an organization; None where GitHub does not say so to everybody."""
    try:
        with GitHubClient.of_scope(forge, ca) as github:
            account = github.ask("GET", f"/users/{forge.scope.owner}")[0]
    except (ForgeRefusedError, ForgeStatusError, ForgeUnreachableError):
        return None
    kind = account.get("type") if isinstance(account, dict) else None
    return kind == "Organization" if kind in ("Organization", "User") else None


def runners_egress(addresses: Sequence[EgressRule], blocked: Sequence[str]) -> list[EgressRule]:
    """Of a forge's addresses those that runners do not reach as a part of the internet."""
    return [rule for rule in addresses if overlaps(rule["cidr"], [*blocked, *METADATA_NETWORKS])]


def registrar_egress(forge: ForgeScope, addresses: Sequence[EgressRule]) -> list[EgressRule]:
    """Of a forge's addresses those that the registrar has to be given: none of one that its URL tells."""
    return [] if forge_networks(forge) else list(addresses)


def addresses(forge: ForgeScope) -> list[EgressRule]:
    """Where the forge's name leads to from here; github.com's networks are published. Raises OSError."""
    if known := forge_networks(forge):
        return known
    answers = socket.getaddrinfo(forge.host, forge.port, type=socket.SOCK_STREAM)
    return addresses_of(forge, {str(address[0]).partition("%")[0] for *_, address in answers})


def addresses_of(forge: ForgeScope, addresses: Iterable[str]) -> list[EgressRule]:
    """The same of IP addresses."""
    return [host_rule(address, [forge.port]) for address in sorted(set(addresses))]
