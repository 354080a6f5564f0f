"""Reads the proxy of a stack: the registrar, the registration of runners and their jobs reach the world through it."""

from typing import Final

from config.egress import check_port, read_egress
from config.fields import Section
from config.kinds import TextKind, text_kind
from values.proxy import URL, Proxy, is_no_proxy, is_proxy_of_pods, is_proxy_url, rule_of

KEY: Final = "proxy"
MOST_DIRECT: Final = 100
EXAMPLE: Final = "http://proxy.example.com:3128"


def _url_cure(text: str) -> str:
    if "@" in text:
        return "leave the login out: it would stand in every pod; let the proxy know the nodes by their addresses"
    if is_proxy_url(text):
        return "name it as pods reach it: this is the pod itself, a cloud's metadata service, or no single machine"
    return f"write e.g. {EXAMPLE}"


URL_KIND: Final = TextKind(
    is_proxy_of_pods,
    "the URL of a proxy in lower case, with its port, and without a path or a login",
    _url_cure,
    {"pattern": rf"^(?!https?://(?:localhost|127\.|0\.|169\.254\.|\[::1?\]))(?:{URL})/?$", "maxLength": 300},
)
DIRECT_KIND: Final = text_kind(
    is_no_proxy,
    "a name, which stands for all below it, an address or a network, e.g. example.com or 10.0.0.0/8",
    "write each on its own, without a scheme, a port or *",
    {"minLength": 1, "maxLength": 253},
)


def read_proxy(root: Section, *, has_platform: bool) -> Proxy | None:
    """The section at gpu-runners:proxy; None where there is none."""
    section = root.section(KEY)
    section.known("url", "noProxy", "egress")
    if not section.values:
        section.reads("url", URL_KIND.json_schema, required=True)
        return None
    url = section.text("url", URL_KIND).rstrip("/")
    direct = section.texts("noProxy", DIRECT_KIND, MOST_DIRECT)
    egress = [read_egress(item) for item in section.sections("egress")]
    if url and (rule := rule_of(url)) and rule not in egress:
        egress.append(rule)
    if url and not egress and has_platform:
        proxy = Proxy(url)
        allowed = f"where {proxy.host} answers, e.g. [{{cidr: 203.0.113.9/32, ports: [{proxy.port}]}}]"
        section.note("egress", "nothing", allowed, f"`getent ahosts {proxy.host}` tells its addresses")
    elif url and section.is_well("egress"):
        check_port(section, egress, Proxy(url).port, "the proxy")
    return Proxy(url, tuple(direct), tuple(egress)) if url else None
