"""Whether the declared network policies let pods resolve names: they open DNS by address and port. Pure."""

import ipaddress
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from gpu_runners.doctor.core.findings import Finding, failed, ok, unknown
from values.egress import covers

CHECK: Final = "names"
DNS_PORT: Final = 53
LOCAL_FLAG: Final = "-localip"  # of NodeLocal DNSCache: where it answers on each node, parted by commas
_LABEL, _NAMES = ("k8s-app", "kube-dns"), ("kube-dns", "coredns", "dns-default")
_SERVICE: Final = "kubernetes.io/service-name"


@dataclass(frozen=True)
class Resolver:
    """Somebody who is asked for names. is_pod: of kube-system, whose pods every runner may ask on port 53; is_service:
    only an address that stands for others, which most enforcers never see.
    """

    who: str
    address: str
    port: int
    is_pod: bool = False
    is_service: bool = False


def services(listed: Iterable[Mapping[str, Any]]) -> Iterator[Resolver]:
    """Of a namespace's Services those of the cluster's DNS; the name by which slices know one stands in `who`."""
    for service in listed:
        metadata, spec = service["metadata"], service.get("spec") or {}
        if (metadata.get("labels") or {}).get(_LABEL[0]) == _LABEL[1] or metadata["name"] in _NAMES:
            for address in spec.get("clusterIPs") or [spec.get("clusterIP")]:
                if address and address != "None":
                    yield Resolver(f"the Service {metadata['name']}", str(address), DNS_PORT, is_service=True)


def endpoints(listed: Iterable[Mapping[str, Any]], names: Iterable[str], *, pods_are_asked: bool) -> Iterator[Resolver]:
    """What answers behind Services of these names; pods_are_asked: whether the namespace is kube-system."""
    wanted = set(names)
    for piece in listed:
        name = (piece["metadata"].get("labels") or {}).get(_SERVICE)
        named = (port for port in piece.get("ports") or () if "dns" in str(port.get("name")))
        ports = {int(port["port"]) for port in named if port.get("port")}  # without a number it is any
        for endpoint in piece.get("endpoints") or () if name in wanted else ():
            is_pod = pods_are_asked and (endpoint.get("targetRef") or {}).get("kind") == "Pod"
            for address in endpoint.get("addresses") or ():
                for port in ports or {DNS_PORT}:
                    yield Resolver(f"what answers for the Service {name}", str(address), port, is_pod)


def node_local(daemon_sets: Iterable[Mapping[str, Any]]) -> Iterator[Resolver]:
    """NodeLocal DNSCache, whatever it is called: a process of each node, which no selector of pods means."""
    for container in (it for daemon_set in daemon_sets for it in daemon_set["spec"]["template"]["spec"]["containers"]):
        command = (*(container.get("command") or ()), *(container.get("args") or ()))
        words = [word for text in command for word in str(text).replace("=", " ").split()]
        for flag, value in pairwise(words):
            if flag.lstrip("-") == LOCAL_FLAG.lstrip("-"):
                for address in filter(None, value.split(",")):
                    yield Resolver("NodeLocal DNSCache", address, DNS_PORT)


def names_resolve(resolvers: Sequence[Resolver], dns_cidrs: Sequence[str]) -> Finding:
    """Whether all of them are open to runners and to the registrar."""
    known = [resolver for resolver in resolvers if _is_address(resolver.address)]
    if not known:
        cure = "`kubectl get services --all-namespaces` shows it; see that gpu-runners:dnsCidrs holds its addresses"
        return unknown(CHECK, "no Service of the cluster's DNS is found in kube-system", cure)
    if odd := [resolver for resolver in known if resolver.port != DNS_PORT]:
        first = odd[0]
        found = f"{first.who} does so at {first.address} port {first.port}, and network policies open port {DNS_PORT}"
        return failed(CHECK, found, f"let it answer on port {DNS_PORT}: enforcers look at the port behind a Service")
    closed = [resolver for resolver in known if not resolver.is_pod and not _is_open(resolver.address, dns_cidrs)]
    if closed:
        found = "; ".join(dict.fromkeys(f"no pod may ask {r.who} at {r.address}" for r in closed[:4]))
        networks = [*dns_cidrs, *dict.fromkeys(str(ipaddress.ip_network(r.address)) for r in closed)]
        cure = f"gpu-runners:dnsCidrs: {json.dumps(networks)}"
        if all(resolver.is_service for resolver in closed):
            return unknown(
                CHECK, f"{found}: only some enforcers look at a Service's own address, as AWS's VPC CNI", cure
            )
        return failed(CHECK, found, cure)
    places = dict.fromkeys(resolver.address for resolver in known)
    return ok(CHECK, f"pods may ask the cluster's DNS at {', '.join(list(places)[:6])}")


def _is_open(address: str, dns_cidrs: Iterable[str]) -> bool:
    return any(covers({"cidr": network}, {"cidr": str(ipaddress.ip_network(address))}) for network in dns_cidrs)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
