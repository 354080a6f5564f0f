"""The API server is asked for its own addresses; whoever cannot learn them declares nothing."""

from pathlib import Path
from typing import Any

import pytest

from access.cluster.api_server import read_api_server
from access.cluster.choice import ClusterChoice
from access.cluster.errors import ClusterError
from tests.access.cluster.api_server import api_server
from tests.program.stack_values import loaded, stack_file

SERVICE = "/api/v1/namespaces/default/services/kubernetes"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"


def piece(service: str, *addresses: str) -> dict[str, Any]:
    return {
        "metadata": {"labels": {"kubernetes.io/service-name": service}},
        "endpoints": [{"addresses": [address]} for address in addresses],
        "ports": [{"name": "https", "port": 443, "protocol": "TCP"}],
    }


ANSWERS: dict[str, Any] = {
    SERVICE: {"spec": {"clusterIPs": ["10.100.0.1"], "ports": [{"port": 443}]}},
    SLICES: {"items": [piece("kubernetes", "10.0.2.7", "10.0.1.12"), piece("shop", "10.0.9.9")]},
}


def test_every_address_of_the_api_server_is_read_from_the_cluster_and_of_no_other_service(tmp_path: Path) -> None:
    with api_server() as server:
        server.answers |= ANSWERS
        found = read_api_server(ClusterChoice(files=str(server.kubeconfig(tmp_path / "kubeconfig"))))
    assert [rule["cidr"] for rule in found.endpoints] == ["10.0.1.12/32", "10.0.2.7/32"]
    assert [rule["cidr"] for rule in found.service] == ["10.100.0.1/32"]


def test_names_beside_addresses_are_left_out_as_kube_proxy_does(tmp_path: Path) -> None:
    names = piece("kubernetes", "api.example.com") | {"addressType": "FQDN"}
    with api_server() as server:
        server.answers |= ANSWERS | {SLICES: {"items": [names, piece("kubernetes", "10.0.1.12", "fd00::7")]}}
        found = read_api_server(ClusterChoice(files=str(server.kubeconfig(tmp_path / "kubeconfig"))))
    assert [rule["cidr"] for rule in found.endpoints] == ["10.0.1.12/32", "fd00::7/128"]


def test_names_alone_are_refused_with_what_to_write_and_that_is_taken(tmp_path: Path) -> None:
    names = piece("kubernetes", "api.example.com") | {"addressType": "FQDN", "ports": [{"port": 6443}]}
    with api_server() as server:
        server.answers |= ANSWERS | {SLICES: {"items": [names]}}
        choice = ClusterChoice(files=str(server.kubeconfig(tmp_path / "kubeconfig")))
        with pytest.raises(ClusterError) as caught:
            read_api_server(choice)
        found = read_api_server(choice, [{"cidr": "203.0.113.7/32", "ports": [6443]}])
    assert "name no address with a port but the name api.example.com" in caught.value.problem.found
    assert "gpu-runners:platform.apiServer, e.g. [{cidr: 203.0.113.7/32, ports: [6443]}]" in caught.value.problem.cure
    assert "`getent ahosts api.example.com` tells them" in caught.value.problem.cure
    assert found.egress == [
        {"cidr": "203.0.113.7/32", "ports": [6443]},
        {"cidr": "10.100.0.1/32", "ports": [443]},
    ]


@pytest.mark.parametrize("address", ["10.0.0.1%eth0", "fe80::1%eth0", "a b", "`id`", ""])
def test_what_is_neither_name_nor_address_is_no_way_to_go(address: str, tmp_path: Path) -> None:
    with api_server() as server:
        server.answers |= ANSWERS | {SLICES: {"items": [piece("kubernetes", "10.0.1.12", address)]}}
        with pytest.raises(ClusterError, match="the addresses of the API server are unknown"):
            read_api_server(ClusterChoice(files=str(server.kubeconfig(tmp_path / "kubeconfig"))))


def test_addresses_that_are_written_down_are_taken_for_those_of_the_cluster() -> None:
    values = stack_file("platform")
    values["platform"]["apiServer"] = [{"cidr": "203.0.113.7/32", "ports": [6443]}]
    platform = loaded(values, {"FORGE_TOKEN": "t"}).platform
    assert platform is not None
    assert platform.api_server == ({"cidr": "203.0.113.7/32", "ports": [6443]},)


@pytest.mark.parametrize(
    "answers",
    [{}, {SERVICE: ANSWERS[SERVICE]}, ANSWERS | {SLICES: {"items": [piece("shop", "10.0.9.9"), piece("kubernetes")]}}],
)
def test_without_the_addresses_there_is_an_error_with_a_command_that_shows_more(
    answers: dict[str, Any], tmp_path: Path
) -> None:
    with api_server() as server:
        server.answers |= answers
        with pytest.raises(ClusterError, match=r"kubectl (get endpointslices|auth can-i)"):
            read_api_server(ClusterChoice(files=str(server.kubeconfig(tmp_path / "kubeconfig"))))
