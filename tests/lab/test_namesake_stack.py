"""Two copies of the program with one stack's name and namespaces, each with a state of its own, in one cluster."""

from pathlib import Path

import pytest

from lab.trial.kubernetes import KubernetesApi
from lab.trial.stack import Stack
from tests.lab.conftest import stack_file

POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"


@pytest.fixture
def namesake(platform: Stack, tmp_path: Path) -> Stack:
    """The platform's stack once more, as a neighbour has it who has copied it: with a backend of their own."""
    state, folder = tmp_path / "state", tmp_path / "stack"
    state.mkdir()
    folder.mkdir()
    environment = {**platform.environment, "PULUMI_BACKEND_URL": f"file://{state}"}
    return Stack.make(platform.name, stack_file("platform.yaml"), folder, environment)


def versions(api: KubernetesApi) -> dict[str, str]:
    """Of all namespaces and policies."""
    items = [*api.items("/api/v1/namespaces"), *api.items(POLICIES)]
    return {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in items}


@pytest.mark.parametrize("command", [("preview",), ("up", "--yes"), ("up", "--yes", "--skip-preview")], ids=" ".join)
def test_a_namesake_takes_nothing_of_the_platform(
    api: KubernetesApi, platform: Stack, namesake: Stack, command: tuple[str, ...]
) -> None:
    before = versions(api)
    refused = namesake.run(*command)
    assert refused.code != 0, refused.output
    assert f"found one that a stack {platform.name} with another state has made and works in" in refused.output
    assert "kubectl annotate namespace" in refused.output
    assert "Traceback" not in refused.output
    assert versions(api) == before
    platform.preview().succeeded()
