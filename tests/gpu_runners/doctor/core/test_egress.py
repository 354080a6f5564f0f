"""What the doctor says about ways through the network policies, and the block that it prints."""

import re
from textwrap import dedent

import yaml

from gpu_runners.doctor.core.egress import Way, registrar_reaches, runners_reach
from gpu_runners.doctor.core.findings import State
from values.egress import EgressRule

EKS: list[EgressRule] = [{"cidr": "10.0.1.12/32", "ports": [443]}, {"cidr": "10.0.2.7/32", "ports": [443]}]
SERVICE: list[EgressRule] = [{"cidr": "172.20.0.1/32", "ports": [443]}]
FORGE: list[EgressRule] = [{"cidr": "10.20.0.7/32", "ports": [443]}]
BLOCKED = ["10.0.0.0/8"]
KEY = "gpu-runners:platform.environments[0]"
API = Way("egress of base", "the API server", EKS, KEY)


def to(rules: list[EgressRule], key: str = KEY) -> Way:
    return Way("egress", "the forge", rules, key)


def block(cure: str) -> object:
    """What is to be written into the stack file."""
    return yaml.safe_load(dedent(cure.partition(":\n")[2]))


def test_an_api_server_with_several_addresses_comes_as_the_block_that_opens_it() -> None:
    found = runners_reach(API, FORGE, BLOCKED, alternatives=SERVICE)
    assert found.state is State.FAILED
    assert "10.0.1.12/32 port 443, 10.0.2.7/32 port 443" in found.found
    assert block(found.cure) == {"egress": [*FORGE, *EKS, *SERVICE]}
    assert KEY in found.cure


def test_the_block_cures_what_it_was_printed_for() -> None:
    printed = block(runners_reach(API, [], BLOCKED, alternatives=SERVICE).cure)
    assert isinstance(printed, dict)
    assert runners_reach(API, printed["egress"], BLOCKED).state is State.OK


def test_the_block_stands_as_deep_as_its_key_does_in_a_stack_file() -> None:
    cure = runners_reach(API, [], BLOCKED).cure
    assert re.search(r"\n {8}egress:\n {10}- cidr: 10\.0\.1\.12/32\n {12}ports: \[443\]", cure)
    cure = registrar_reaches(to(FORGE, "gpu-runners:platform.registrar"), []).cure
    assert re.search(r"\n {6}egress:\n {8}- cidr: 10\.20\.0\.7/32", cure)


def test_a_network_that_holds_all_addresses_is_as_good() -> None:
    wide: list[EgressRule] = [{"cidr": "10.0.0.0/16", "ports": [443]}]
    assert runners_reach(API, wide, BLOCKED).state is State.OK


def test_runners_need_no_egress_to_what_is_on_the_internet_and_the_registrar_does() -> None:
    public: list[EgressRule] = [{"cidr": "203.0.113.7/32", "ports": [443]}]
    assert runners_reach(to(public), [], BLOCKED).state is State.OK
    assert registrar_reaches(to(public), []).state is State.FAILED
    assert registrar_reaches(to(public), public).state is State.OK


def test_a_metadata_address_is_no_internet_whatever_is_blocked() -> None:
    metadata: list[EgressRule] = [{"cidr": "169.254.169.254/32", "ports": [80]}]
    assert runners_reach(to(metadata), [], []).state is State.FAILED
