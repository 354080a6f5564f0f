"""Where the API server answers, as the cluster tells it: a network policy has to name addresses."""

from collections.abc import Sequence
from typing import Final

from access.cluster.choice import ClusterChoice
from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterUnreachableError
from values.api_server import NAMESPACE, SERVICE, SLICES_OF, ApiServer, ApiServerUnknownError, api_server
from values.egress import EgressRule

KEY: Final = "gpu-runners:platform.apiServer"
_SLICES: Final = f"kubectl get endpointslices --namespace {NAMESPACE} --selector {SLICES_OF}={SERVICE}"


def read_api_server(choice: ClusterChoice, declared: Sequence[EgressRule] = ()) -> ApiServer:
    """The addresses in the Service `kubernetes`, and those declared or else in its EndpointSlices.

    Raises ClusterError.
    """
    with ClusterConnection(choice) as cluster:
        return find_api_server(cluster, declared)


def find_api_server(cluster: ClusterConnection, declared: Sequence[EgressRule] = ()) -> ApiServer:
    """The same through a connection that is there."""
    service = cluster.get(f"/api/v1/namespaces/{NAMESPACE}/services/{SERVICE}")
    path = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
    slices = () if declared else cluster.items(path)
    try:
        return api_server(service, slices, declared)
    except ApiServerUnknownError as error:
        raise ClusterUnreachableError(f"the addresses of the API server are unknown: {error}", _cure(error)) from error
    except ValueError as error:
        raise ClusterUnreachableError(
            f"the addresses of the API server are unknown: {error}", f"See `{_SLICES}`"
        ) from error


def _cure(error: ApiServerUnknownError) -> str:
    """What to write, and where: a network policy holds addresses alone."""
    name, ports = min(error.names.items(), default=("", []))
    entry = f"{{cidr: 203.0.113.7/32, ports: {ports or [443]}}}"
    told_by = f"`getent ahosts {name}` tells them" if name else f"`{_SLICES}` shows what the cluster says"
    return f"Write where it answers at {KEY}, e.g. [{entry}], an entry for each address (/128 for IPv6); {told_by}"
