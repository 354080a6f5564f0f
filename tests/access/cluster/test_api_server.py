"""The API server is asked for its own addresses; whoever cannot learn them declares nothing."""

from pathlib import Path
from typing import Any

import pytest

from access.cluster.api_server import read_api_server
from access.cluster.choice import ClusterChoice
from access.cluster.errors import ClusterError
from tests.access.cluster.api_server import api_server

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
