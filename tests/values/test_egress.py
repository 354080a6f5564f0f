"""Networks and ports: which rule allows what, and where forge and API server answer."""

from typing import Any

import pytest
import yaml

from values.api_server import api_server
from values.egress import EgressRule, as_block, covers, host_rule, overlaps, uncovered
from values.forge_networks import GITHUB_API_NETWORKS, forge_networks
from values.kubernetes_syntax import is_cidr
from values.scope import GITEA, GITHUB, parse_scope

OF_KUBERNETES = {"metadata": {"labels": {"kubernetes.io/service-name": "kubernetes"}}}
SERVICE: dict[str, Any] = {"spec": {"clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"], "ports": [{"port": 443}]}}


def piece(*addresses: str, port: int = 443) -> dict[str, Any]:
    endpoints = [{"addresses": [address]} for address in addresses]
    return {**OF_KUBERNETES, "endpoints": endpoints, "ports": [{"port": port}]}


@pytest.mark.parametrize(
    ("rule", "wanted", "is_covered"),
    [
        ({"cidr": "10.0.0.0/16", "ports": [443]}, {"cidr": "10.0.1.12/32", "ports": [443]}, True),
        ({"cidr": "10.0.0.0/16"}, {"cidr": "10.0.1.12/32", "ports": [443]}, True),
        ({"cidr": "10.0.0.0/16", "ports": [443, 6443]}, {"cidr": "10.0.1.12/32", "ports": [6443]}, True),
        ({"cidr": "10.0.0.0/16", "ports": [443]}, {"cidr": "10.0.1.12/32", "ports": [6443]}, False),
        ({"cidr": "10.0.0.0/16", "ports": [443]}, {"cidr": "10.0.1.12/32"}, False),
        ({"cidr": "10.0.1.12/32", "ports": [443]}, {"cidr": "10.0.0.0/16", "ports": [443]}, False),
        ({"cidr": "::/0"}, {"cidr": "10.0.1.12/32", "ports": [443]}, False),
        ({"cidr": "fd00::/8"}, {"cidr": "fd00::1/128", "ports": [443]}, True),
    ],
)
def test_a_rule_covers_what_lies_within_its_network_and_its_ports(
    rule: EgressRule, wanted: EgressRule, is_covered: bool
) -> None:
    assert covers(rule, wanted) is is_covered
    assert uncovered([wanted], [rule]) == ([] if is_covered else [wanted])


def test_networks_overlap_whichever_is_the_larger() -> None:
    assert overlaps("10.0.0.0/8", ["192.168.0.0/16", "10.1.2.3/32"])
    assert overlaps("10.1.2.3/32", ["10.0.0.0/8"])
    assert not overlaps("10.1.2.3/32", ["10.1.2.4/32", "fd00::/8"])


def test_a_block_reads_back_as_the_same_rules() -> None:
    rules: list[EgressRule] = [host_rule("10.0.1.12", [443, 6443]), host_rule("fd00::1", [443]), {"cidr": "10.0.0.0/8"}]
    assert yaml.safe_load(as_block(rules)) == {"egress": rules}


def test_an_api_server_with_several_addresses_is_known_by_all_of_them_in_a_fixed_order() -> None:
    found = api_server(SERVICE, [piece("10.0.2.7"), piece("10.0.1.12", "10.0.2.7", port=6443)])
    assert found.endpoints == (
        {"cidr": "10.0.1.12/32", "ports": [6443]},
        {"cidr": "10.0.2.7/32", "ports": [443, 6443]},
    )
    assert found.service == ({"cidr": "10.96.0.1/32", "ports": [443]},)
    assert found.egress == [*found.endpoints, *found.service]


def test_an_api_server_answers_over_both_families() -> None:
    service = {"spec": {"clusterIPs": ["10.96.0.1", "fd00::1"], "ports": [{"port": 443}]}}
    found = api_server(service, [piece("10.0.2.7"), piece("fd12::7")])
    assert [rule["cidr"] for rule in found.egress] == ["10.0.2.7/32", "fd12::7/128", "10.96.0.1/32", "fd00::1/128"]


@pytest.mark.parametrize(
    "slices",
    [
        [],
        [{}],
        [{**OF_KUBERNETES, "endpoints": None, "ports": None}],
        [{**OF_KUBERNETES, "endpoints": [{"addresses": ["10.0.0.1"]}], "ports": []}],
        [{"metadata": {"labels": {"kubernetes.io/service-name": "shop"}}, "endpoints": [{"addresses": ["10.0.0.1"]}]}],
        [piece("api.example.com")],
    ],
)
def test_an_api_server_without_an_address_is_an_error_and_never_everybody(slices: list[dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match=r"name no address|does not appear to be"):
        api_server(SERVICE, slices)


@pytest.mark.parametrize(
    ("kind", "url", "rules"),
    [
        (GITEA, "http://10.85.0.1:3000/mlops/guide", [{"cidr": "10.85.0.1/32", "ports": [3000]}]),
        (GITEA, "https://[fd00::7]/mlops", [{"cidr": "fd00::7/128", "ports": [443]}]),
        (GITHUB, "http://10.85.0.1:3080/mlops", [{"cidr": "10.85.0.1/32", "ports": [3080]}]),
        (GITEA, "https://gitea.example.com/mlops", []),
        (GITHUB, "https://github.example.com/mlops", []),
        (GITHUB, "https://mlops.ghe.com/mlops", []),
        (GITEA, "https://github.com/mlops", []),
    ],
)
def test_a_forge_is_known_by_its_address_and_not_by_its_name(kind: str, url: str, rules: list[EgressRule]) -> None:
    assert forge_networks(parse_scope(kind, url)) == rules


def test_github_com_is_known_by_the_networks_that_it_publishes() -> None:
    found = forge_networks(parse_scope(GITHUB, "https://github.com/mlops"))
    assert [rule["cidr"] for rule in found] == list(GITHUB_API_NETWORKS)
    assert all(rule["ports"] == [443] and is_cidr(rule["cidr"]) for rule in found)
