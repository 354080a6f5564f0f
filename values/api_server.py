"""ApiServer: where a cluster's API server answers, as the cluster itself says of its Service `kubernetes`.

A pod asks the Service's address; most enforcers of NetworkPolicy see the translated one, that of an endpoint, some
(AWS's VPC CNI) the Service's own. Whoever may reach the API server needs both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from values.egress import EgressRule, host_rule

NAMESPACE: Final = "default"
SERVICE: Final = "kubernetes"
SLICES_OF: Final = "kubernetes.io/service-name"  # the label by which an EndpointSlice names its Service


@dataclass(frozen=True)
class ApiServer:
    """Addresses with their ports, in a fixed order: those of the servers themselves, and those of the Service."""

    endpoints: tuple[EgressRule, ...]
    service: tuple[EgressRule, ...]

    @property
    def egress(self) -> list[EgressRule]:
        """What a pod must be allowed that uses the API."""
        return [*self.endpoints, *self.service]


def api_server(service: Mapping[str, Any], slices: Iterable[Mapping[str, Any]]) -> ApiServer:
    """Reads the Service `default/kubernetes` and, of the EndpointSlices of that namespace, those that are its.

    Raises ValueError where they name no address of a server, or something that is no address.
    """
    endpoints: dict[str, set[int]] = {}
    for piece in slices:
        if ((piece.get("metadata") or {}).get("labels") or {}).get(SLICES_OF) != SERVICE:
            continue
        ports = _ports(piece.get("ports"))
        for endpoint in piece.get("endpoints") or ():
            for address in endpoint.get("addresses") or ():
                endpoints.setdefault(str(address), set()).update(ports)
    if not endpoints or not all(endpoints.values()):
        raise ValueError(f"the EndpointSlices of {NAMESPACE}/{SERVICE} name no address with a port")
    spec = service.get("spec") or {}
    addresses = spec.get("clusterIPs") or [spec.get("clusterIP")]
    return ApiServer(
        endpoints=tuple(_rules(endpoints)),
        service=tuple(_rules({str(address): _ports(spec.get("ports")) for address in addresses if address})),
    )


def _ports(listed: Sequence[Mapping[str, Any]] | None) -> set[int]:
    return {int(entry["port"]) for entry in listed or () if entry.get("port") and entry.get("protocol", "TCP") == "TCP"}


def _rules(addresses: Mapping[str, set[int]]) -> list[EgressRule]:
    rules = [host_rule(address, sorted(ports)) for address, ports in addresses.items()]
    return sorted(rules, key=lambda rule: rule["cidr"])
