"""ApiServer: where a cluster's API server answers, as the cluster itself says of its Service `kubernetes`.

A pod asks the Service's address; most enforcers of NetworkPolicy see the translated one, that of an endpoint, some
(AWS's VPC CNI) the Service's own. Whoever may reach the API server needs both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any, Final

from values.egress import EgressRule, host_rule
from values.kubernetes_syntax import is_dns_subdomain

NAMESPACE: Final = "default"
SERVICE: Final = "kubernetes"
SLICES_OF: Final = "kubernetes.io/service-name"  # the label by which an EndpointSlice names its Service

_SHOWN: Final = 3


@dataclass(frozen=True)
class ApiServer:
    """Addresses with their ports, in a fixed order: those of the servers themselves, and those of the Service."""

    endpoints: tuple[EgressRule, ...]
    service: tuple[EgressRule, ...]

    @property
    def egress(self) -> list[EgressRule]:
        """What a pod must be allowed that uses the API."""
        return [*self.endpoints, *self.service]


class ApiServerUnknownError(ValueError):
    """The cluster does not say at which addresses it answers. names: what it says instead, with the ports of each."""

    def __init__(self, message: str, names: Mapping[str, Iterable[int]] = MappingProxyType({})) -> None:
        super().__init__(message)
        self.names = {name: sorted(ports) for name, ports in names.items()}


def api_server(
    service: Mapping[str, Any], slices: Iterable[Mapping[str, Any]], declared: Sequence[EgressRule] = ()
) -> ApiServer:
    """Reads the Service `default/kubernetes` and, of the EndpointSlices of that namespace, those that are its.

    declared: where the servers answer as somebody wrote it down; then no slice counts. A slice of names
    (`addressType: FQDN`) counts beside no other: nothing in Kubernetes gives those a meaning, kube-proxy leaves them
    out (https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1), and a policy cannot
    hold one. Raises ApiServerUnknownError where no address of a server is named, ValueError for a Service without one.
    """
    endpoints: tuple[EgressRule, ...] = tuple(declared) or tuple(_rules(_endpoints(slices)))
    spec = service.get("spec") or {}
    addresses = spec.get("clusterIPs") or [spec.get("clusterIP")]
    return ApiServer(
        endpoints=endpoints,
        service=tuple(_rules({str(address): _ports(spec.get("ports")) for address in addresses if address})),
    )


def _endpoints(slices: Iterable[Mapping[str, Any]]) -> dict[str, set[int]]:
    endpoints: dict[str, set[int]] = {}
    for piece in slices:
        if ((piece.get("metadata") or {}).get("labels") or {}).get(SLICES_OF) != SERVICE:
            continue
        ports = _ports(piece.get("ports"))
        for endpoint in piece.get("endpoints") or ():
            for address in endpoint.get("addresses") or ():
                endpoints.setdefault(str(address), set()).update(ports)
    names = {name: endpoints.pop(name) for name in list(endpoints) if _is_name(name)}
    if endpoints and all(endpoints.values()):
        return endpoints
    instead = f" but the name {', '.join(sorted(names)[:_SHOWN])}" if names and not endpoints else ""
    found = f"the EndpointSlices of {NAMESPACE}/{SERVICE} name no address with a port{instead}"
    raise ApiServerUnknownError(found, {} if endpoints else names)


def _is_name(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return is_dns_subdomain(text)
    return False


def _ports(listed: Sequence[Mapping[str, Any]] | None) -> set[int]:
    return {int(entry["port"]) for entry in listed or () if entry.get("port") and entry.get("protocol", "TCP") == "TCP"}


def _rules(addresses: Mapping[str, set[int]]) -> list[EgressRule]:
    rules = [host_rule(address, sorted(ports)) for address, ports in addresses.items()]
    return sorted(rules, key=lambda rule: rule["cidr"])
