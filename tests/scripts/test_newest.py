"""The newest SDKs are tried with everything else as it is tested."""

import pytest

from scripts.unit_newest import CONSTRAINTS, without_sdks


@pytest.mark.parametrize(
    "line", ["pulumi==3.259.0", "pulumi_github==6.15.0", "Pulumi-Kubernetes==4.25.0", "grpcio==1.66.2"]
)
def test_an_sdk_and_what_it_brings_may_be_newer(line: str) -> None:
    assert without_sdks([line], ("grpcio",)) == []


@pytest.mark.parametrize("line", ["pytest==9.0.0", "pulumi-aws==7.0.0", "grpcio-tools==1.0", "# a comment"])
def test_everything_else_stays_as_it_is_tested(line: str) -> None:
    assert without_sdks([line], ("grpcio",)) == [line]


def test_the_tested_set_names_each_sdk_once() -> None:
    lines = CONSTRAINTS.read_text().splitlines()
    assert len(lines) - len(without_sdks(lines)) == 4
