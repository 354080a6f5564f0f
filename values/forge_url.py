"""ForgeUrl: the address of a forge, out of the few forms that mean the same to everybody who reads them.

A token goes wherever it says, so nothing is repaired: what is not plain is refused, and no message repeats the text.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from values.egress import METADATA_NETWORKS, overlaps

LONGEST: Final = 1000
LOCALHOST: Final = "localhost"  # by RFC 6761 this machine, whatever a name server says
# Where a token may travel in clear: this machine, and networks that no router of the internet knows.
LOCAL_NETWORKS: Final = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
_URL: Final = re.compile(
    r"(?P<scheme>[Hh][Tt][Tt][Pp][Ss]?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>(?:/[A-Za-z0-9_.-]+)*)/?",
    re.ASCII,
)
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*", re.ASCII)
_USUAL_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True)
class ForgeUrl:
    """scheme and host are in lower case, an IPv6 host without brackets; port is None for the scheme's own; path begins
    with a slash or is "".
    """

    scheme: str
    host: str
    port: int | None
    path: str

    @property
    def root(self) -> str:
        """Without the path and without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port else "")


def read_forge_url(text: str, *, with_token: bool = True) -> ForgeUrl:
    """Raises ValueError that says what is wrong with it, and repeats nothing of it. with_token: one is shown there."""
    if "@" in text:
        raise ValueError("it holds a credential, which belongs into the secret forgeToken")
    if "?" in text or "#" in text:
        raise ValueError("it has a query or a fragment")
    match = _URL.fullmatch(text) if len(text) <= LONGEST else None
    if match is None:
        raise ValueError("it is no plain http or https URL")
    scheme, host = match["scheme"].lower(), match["host"].lower().strip("[]")
    port = int(match["port"]) if match["port"] else None
    if port is not None and port > 65535:
        raise ValueError("it has a port that does not exist")
    address = _address(host)
    if address is None and not is_host_name(host):
        raise ValueError("its host is neither a name nor an address")
    if with_token and scheme == "http" and host != LOCALHOST and not _is_local(address):
        found = "its token would go out in clear"
        raise ValueError(f"{found}: http is for an address of this machine or of a private network, all else is https")
    if address is not None and _is_nobodys(address):
        raise ValueError("its address is a cloud's metadata service, or no single machine's")
    return ForgeUrl(scheme, host, None if port == _USUAL_PORTS[scheme] else port, match["path"])


def _address(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def is_host_name(host: str) -> bool:
    """Whether it is a name in lower case, and to nobody an address."""
    # One whose last part is a number is an address to some resolvers: 127.1, 2130706433, 0x7f.1.
    last = host.rpartition(".")[2]
    return _NAME.fullmatch(host) is not None and re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last) is None


def is_own_address(host: str) -> bool:
    """Whether it is an address of the very machine, or pod, that asks; by its name people try a forge of their own."""
    address = _address(host)
    return address is not None and ipaddress.ip_address(address).is_loopback


def is_no_other_machine(host: str) -> bool:
    """Whether it is this very machine, or pod, by name or address, a cloud's metadata service, or no single machine."""
    address = _address(host)
    return host == LOCALHOST or is_own_address(host) or (address is not None and _is_nobodys(address))


def _is_nobodys(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return overlaps(str(parsed), METADATA_NETWORKS) or parsed.is_multicast or parsed.is_unspecified


def _is_local(address: str | None) -> bool:
    return address is not None and overlaps(address, LOCAL_NETWORKS) and not overlaps(address, METADATA_NETWORKS)
