"""Where the API server answers, as the cluster tells it: a network policy has to name addresses."""

from access.cluster.choice import ClusterChoice
from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterUnreachableError
from values.api_server import NAMESPACE, SERVICE, SLICES_OF, ApiServer, api_server


def read_api_server(choice: ClusterChoice) -> ApiServer:
    """The addresses in the Service `kubernetes` and in its EndpointSlices. Raises ClusterError."""
    with ClusterConnection(choice) as cluster:
        return find_api_server(cluster)


def find_api_server(cluster: ClusterConnection) -> ApiServer:
    """The same through a connection that is there."""
    service = cluster.get(f"/api/v1/namespaces/{NAMESPACE}/services/{SERVICE}")
    slices = cluster.items(f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices")
    try:
        return api_server(service, slices)
    except ValueError as error:
        command = f"kubectl get endpointslices --namespace {NAMESPACE} --selector {SLICES_OF}={SERVICE}"
        raise ClusterUnreachableError(
            f"the addresses of the API server are unknown: {error}", f"See `{command}`"
        ) from error
