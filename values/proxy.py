"""Proxy: the way out of a network without another: its address, what goes around it, and the variables that say so."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from values.egress import EgressRule, host_rule
from values.forge_url import is_host_name, is_no_other_machine
from values.kubernetes_syntax import is_cidr

URL: Final = r"https?://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]):[1-9][0-9]{0,4}"
_URL: Final = re.compile(rf"{URL}/?", re.ASCII)
# Never through a proxy: this machine, the cluster's Services, and the API server, whose address each kubelet knows
# and writes for this name (https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/).
ALWAYS_DIRECT: Final = ("localhost", "127.0.0.1", "::1", ".svc", ".svc.cluster.local", "$(KUBERNETES_SERVICE_HOST)")


@dataclass(frozen=True)
class Proxy:
    """url: without a slash at its end. no_proxy: names, with all below them, and addresses or networks that are reached
    directly. egress: where it answers.
    """

    url: str
    no_proxy: tuple[str, ...] = ()
    egress: tuple[EgressRule, ...] = ()

    @property
    def host(self) -> str:
        """Its name or address, that of an IPv6 one without brackets."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """Its TCP port."""
        return urlsplit(self.url).port or 0

    def is_for(self, host: str) -> bool:
        """Whether a host is reached through it."""
        return not any(_is_covered(host.lower(), entry.lower()) for entry in self.no_proxy)

    @property
    def variables(self) -> dict[str, str]:
        """For the programs of a pod, in both cases of letters, as some read one only."""
        values = {
            "http_proxy": self.url,
            "https_proxy": self.url,
            "no_proxy": ",".join((*ALWAYS_DIRECT, *self.no_proxy)),
        }
        return {**values, **{name.upper(): value for name, value in values.items()}}


def proxy_for(proxy: Proxy | None, host: str) -> str:
    """The URL of the proxy through which a host is reached, "" for none."""
    return proxy.url if proxy and proxy.is_for(host) else ""


def is_proxy_of_pods(text: str) -> bool:
    """Whether it is a proxy's URL that a pod may use."""
    return is_proxy_url(text) and not is_no_other_machine(urlsplit(text).hostname or "")


def is_proxy_url(text: str) -> bool:
    """Whether it has the form of one, with its port and without a login: it stands in every pod."""
    if len(text) > 300 or _URL.fullmatch(text) is None or int(text.rstrip("/").rpartition(":")[2]) > 65535:
        return False
    host = urlsplit(text).hostname or ""
    return _address(host) is not None or is_host_name(host)


def is_no_proxy(text: str) -> bool:
    """A name, which stands for all below it, too, with or without a dot before it; an address; a network."""
    return is_host_name(text.removeprefix(".").lower()) or is_cidr(text) or _address(text) is not None


def rule_of(url: str) -> EgressRule | None:
    """Where the proxy answers, if its URL tells; None where that is a name."""
    parts = urlsplit(url)
    address = _address(parts.hostname or "")
    return host_rule(str(address), [parts.port or 0]) if address else None


def _is_covered(host: str, entry: str) -> bool:
    address = _address(host)
    if address is not None:
        return (is_cidr(entry) and address in ipaddress.ip_network(entry)) or address == _address(entry)
    name = entry.removeprefix(".")
    return host == name or host.endswith(f".{name}")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """None too for one with a zone, behind which anything may stand, and for IPv4 in the words of IPv6: no network
    policy means it, and only some programs that read `no_proxy` do.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return None if "%" in text or getattr(address, "ipv4_mapped", None) else address
