"""Whether names resolve under the network policies, on clusters as the clouds make them."""

from typing import Any

import pytest

from gpu_runners.doctor.core.findings import State
from gpu_runners.doctor.core.resolvers import Resolver, endpoints, names_resolve, node_local, services
from tests.program.stack_values import defaults

DNS_CIDRS: list[str] = defaults()["dnsCidrs"]
Json = dict[str, Any]


def service(name: str = "kube-dns", address: str = "10.100.0.10") -> Json:
    return {"metadata": {"name": name, "labels": {"k8s-app": "kube-dns"}}, "spec": {"clusterIP": address}}


def piece(*addresses: str, name: str = "kube-dns", port: int = 53, kind: str = "Pod") -> Json:
    target = {"targetRef": {"kind": kind}} if kind else {}
    ports = [{"name": "dns", "port": port}, {"name": "dns-tcp", "port": port}, {"name": "metrics", "port": 9153}]
    labels = {"kubernetes.io/service-name": name}
    return {
        "metadata": {"labels": labels}, "ports": ports,
        "endpoints": [{"addresses": [address], **target} for address in addresses],
    }  # fmt: skip


def found_in(listed: list[Json], slices: list[Json], *, pods_are_asked: bool = True) -> list[Resolver]:
    names = [item["metadata"]["name"] for item in listed]
    return [*services(listed), *endpoints(slices, names, pods_are_asked=pods_are_asked)]


NODE_LOCAL: Json = {
    "spec": {"template": {"spec": {"containers": [{"args": ["-localip", "169.254.20.10,10.100.0.10", "-conf", "x"]}]}}}
}
CLOUDS = {
    "EKS": found_in([service(address="172.20.0.10")], [piece("10.0.1.5", "10.0.2.9")]),
    "AKS": found_in([service(address="10.0.0.10")], [piece("10.244.0.3")]),
    "pods with addresses of the internet": found_in([service()], [piece("8.34.0.7")]),
    "GKE": found_in([service(address="34.118.224.10")], [piece("10.8.0.4")]),
    "a process of the node": found_in([service()], [piece("192.168.1.4", kind="")]),
    "NodeLocal DNSCache": [*found_in([service()], [piece("10.0.1.5")]), *node_local([NODE_LOCAL])],
}


@pytest.mark.parametrize("cloud", [cloud for cloud in CLOUDS if cloud != "GKE"])
def test_names_resolve_on_clusters_as_they_are_made(cloud: str) -> None:
    assert names_resolve(CLOUDS[cloud], DNS_CIDRS).state is State.OK


def test_a_service_at_an_address_of_the_internet_is_open_to_most_and_comes_with_the_key_for_all() -> None:
    """GKE gives Services addresses of 34.118.224.0/20, which are Google's own."""
    found = names_resolve(CLOUDS["GKE"], ["10.0.0.0/8"])
    assert found.state is State.UNKNOWN
    assert found.found.startswith("no pod may ask the Service kube-dns at 34.118.224.10: only some enforcers look")
    assert found.cure == 'gpu-runners:dnsCidrs: ["10.0.0.0/8", "34.118.224.10/32"]'


def test_a_process_of_a_node_beyond_the_networks_of_the_stack_is_closed() -> None:
    found = names_resolve(CLOUDS["a process of the node"], ["10.0.0.0/8"])
    assert found.state is State.FAILED
    assert found.cure == 'gpu-runners:dnsCidrs: ["10.0.0.0/8", "192.168.1.4/32"]'


def test_nodelocal_dnscache_is_seen_though_no_service_names_it() -> None:
    found = names_resolve(CLOUDS["NodeLocal DNSCache"], ["10.0.0.0/8"])
    assert (found.state, found.found) == (State.FAILED, "no pod may ask NodeLocal DNSCache at 169.254.20.10")


def test_what_answers_on_another_port_is_closed_whatever_is_opened() -> None:
    """OpenShift's DNS listens on 5353 behind its Service."""
    slices = [piece("10.128.0.9", name="dns-default", port=5353)]
    found = names_resolve(found_in([service("dns-default")], slices, pods_are_asked=False), DNS_CIDRS)
    assert found.state is State.FAILED
    assert "10.128.0.9 port 5353" in found.found


def test_pods_of_another_namespace_than_kube_systems_are_asked_by_their_addresses() -> None:
    found = found_in([service("dns-default")], [piece("10.128.0.9", name="dns-default")], pods_are_asked=False)
    assert names_resolve(found, ["10.100.0.0/16"]).state is State.FAILED
    assert names_resolve(found, ["10.0.0.0/8"]).state is State.OK


@pytest.mark.parametrize("listed", [[], [service(address="None")], [{"metadata": {"name": "metrics-server"}}]])
def test_a_cluster_whose_dns_nobody_knows_is_unknown(listed: list[Json]) -> None:
    assert names_resolve(found_in(listed, []), DNS_CIDRS).state is State.UNKNOWN


def test_a_service_of_two_families_is_asked_at_both_of_its_addresses() -> None:
    both = service()
    both["spec"]["clusterIPs"] = ["10.100.0.10", "fd00::a"]
    assert [resolver.address for resolver in services([both])] == ["10.100.0.10", "fd00::a"]
    assert [resolver.address for resolver in services([service()])] == ["10.100.0.10"]


def test_nodelocal_dnscache_answers_at_each_of_its_addresses() -> None:
    assert [resolver.address for resolver in node_local([NODE_LOCAL])] == ["169.254.20.10", "10.100.0.10"]


def test_nodelocal_dnscache_is_seen_by_what_it_does_and_not_by_its_name() -> None:
    """Kubespray calls it `nodelocaldns`; others write its flags into the command."""
    plain = {"spec": {"template": {"spec": {"containers": [{"name": "proxy"}]}}}}
    command = {"command": ["/node-cache", "-localip=169.254.25.10"]}
    found = node_local([plain, {"spec": {"template": {"spec": {"containers": [command]}}}}])
    assert [resolver.address for resolver in found] == ["169.254.25.10"]


def test_a_slice_may_leave_the_number_of_a_port_out() -> None:
    """https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1: then it is any port."""
    anyone = {**piece("10.0.1.5"), "ports": [{"name": "dns"}, {"name": "dns-tcp", "port": None}]}
    assert names_resolve(found_in([service()], [anyone]), DNS_CIDRS).state is State.OK
