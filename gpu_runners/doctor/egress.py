"""Asks what the network policies of a platform have to let through: where the API server and the forge really are."""

import socket
from collections.abc import Iterator
from typing import Final

from access.cluster.api_server import find_api_server
from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterError
from access.forge_errors import ForgeRefusedError, ForgeUnreachableError
from access.github.client import GitHubClient
from config import StackConfig
from config.platform import PlatformConfig, job_grants
from gpu_runners.doctor.core.egress import Way, registrar_reaches, runners_reach
from gpu_runners.doctor.core.findings import Finding, unknown
from values.egress import EgressRule, host_rule
from values.forge_networks import forge_networks, is_github_com
from values.proxy import Proxy
from values.scope import ForgeScope

META: Final = "/meta"  # https://docs.github.com/rest/meta: `api` lists the networks at which the API answers
PLATFORM: Final = "gpu-runners:platform"
PROXY: Final = "gpu-runners:proxy"


def egress_to_api_server(stack: StackConfig, platform: PlatformConfig, cluster: ClusterConnection) -> Iterator[Finding]:
    """Whether base runners reach the API server, as their jobs may use it; the registrar's own is always declared."""
    for index, environment in enumerate(platform.environments):
        if not job_grants(platform, environment.namespace):
            continue
        check = f"egress of {environment.namespace}"
        try:
            api = find_api_server(cluster, platform.api_server)
        except ClusterError as error:
            yield unknown(check, error.problem.found, error.problem.cure)
            return
        way = Way(check, "the API server", api.endpoints, f"{PLATFORM}.environments[{index}]")
        yield runners_reach(way, environment.egress, stack.blocked_cidrs, alternatives=api.service)


def egress_to_forge(stack: StackConfig, platform: PlatformConfig) -> Iterator[Finding]:
    """Whether the registrar and the runners of each environment reach the forge."""
    forge = platform.forge
    if stack.proxy and stack.proxy.is_for(forge.api_host):
        yield from _egress_to_proxy(stack, platform, stack.proxy)
        return
    try:
        wanted = published_networks(forge) if is_github_com(forge) else _resolved(forge.host, forge.port)
    except (OSError, ForgeRefusedError, ForgeUnreachableError, ValueError) as error:
        cure = f"run this where {forge.host} resolves and answers, best in the cluster's network"
        yield unknown("egress to the forge", f"where {forge.host} is cannot be told: {error or type(error)}", cure)
        return
    target = f"the forge {forge.host}"
    declared = [*forge_networks(forge), *platform.registrar_egress]
    yield registrar_reaches(Way("egress of the registrar", target, wanted, f"{PLATFORM}.registrar"), declared)
    for index, environment in enumerate(platform.environments):
        way = Way(f"egress of {environment.namespace}", target, wanted, f"{PLATFORM}.environments[{index}]")
        yield runners_reach(way, environment.egress, stack.blocked_cidrs)


def _egress_to_proxy(stack: StackConfig, platform: PlatformConfig, proxy: Proxy) -> Iterator[Finding]:
    """The same where a proxy stands between: what lies behind it, the registrar tells from inside."""
    try:
        wanted = _resolved(proxy.host, proxy.port)
    except (OSError, ValueError) as error:
        cure = f"run this where {proxy.host} resolves, best in the cluster's network"
        yield unknown("egress to the proxy", f"where {proxy.host} is cannot be told: {error}", cure)
        return
    target = f"the proxy {proxy.host}"
    declared = [*proxy.egress, *platform.registrar_egress]
    yield registrar_reaches(Way("egress of the registrar", target, wanted, PROXY), declared)
    for environment in platform.environments:
        way = Way(f"egress of {environment.namespace}", target, wanted, PROXY)
        yield runners_reach(way, [*environment.egress, *proxy.egress], stack.blocked_cidrs)


def published_networks(forge: ForgeScope) -> list[EgressRule]:
    """Where GitHub says that its API answers. Raises ForgeUnreachableError; ValueError where it names no network."""
    with GitHubClient.of_scope(forge) as client:
        answer = client.ask("GET", META)[0]
    networks = answer.get("api") if isinstance(answer, dict) else None
    if not (isinstance(networks, list) and networks):
        raise ValueError(f"{forge.api_url}{META} lists no networks")
    return [host_rule(str(network), [forge.port]) for network in networks]


def _resolved(host: str, port: int) -> list[EgressRule]:
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = {str(address[0]).partition("%")[0] for *_, address in answers}
    return [host_rule(address, [port]) for address in sorted(addresses)]
