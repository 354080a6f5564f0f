"""Asks the cluster where its DNS answers: as a Service, as what stands behind it, and on each node."""

from collections.abc import Sequence
from typing import Final

from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterError
from gpu_runners.doctor.core.findings import Finding, unknown
from gpu_runners.doctor.core.resolvers import CHECK, Resolver, endpoints, names_resolve, node_local, services

# Where distributions keep it; OpenShift's is in a namespace of its own, whose pods no network policy of ours means.
PLACES: Final = ("kube-system", "openshift-dns")
# NodeLocal DNSCache is among them, `node-local-dns` by its own manifest and `nodelocaldns` by Kubespray's.
DAEMON_SETS: Final = "/apis/apps/v1/namespaces/kube-system/daemonsets"


def resolvers(cluster: ClusterConnection, dns_cidrs: Sequence[str]) -> Finding:
    """Whether network policies let pods resolve names."""
    try:
        return names_resolve(_find(cluster), dns_cidrs)
    except ClusterError as error:
        return unknown(CHECK, error.problem.found, error.problem.cure)


def _find(cluster: ClusterConnection) -> list[Resolver]:
    found: list[Resolver] = []
    for namespace in PLACES:
        named = list(services(cluster.items(f"/api/v1/namespaces/{namespace}/services")))
        names = {resolver.who.rpartition(" ")[2] for resolver in named}
        if names:
            slices = cluster.items(f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices")
            found += [*named, *endpoints(slices, names, pods_are_asked=namespace == PLACES[0])]
    return [*found, *node_local(cluster.items(DAEMON_SETS))]
