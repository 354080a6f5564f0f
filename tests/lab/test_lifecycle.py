"""One stack with a platform and its pool, from nothing to nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.trial.deadline import until
from lab.trial.kubernetes import KubernetesApi
from lab.trial.pods import Pods
from lab.trial.repository import Repository
from lab.trial.stack import Outcome, Stack
from tests.lab.conftest import stack_file

NAMESPACE = "gpu-runners-small"
NAMESPACES = (NAMESPACE, "gpu-runners-small-system")
KINDS = {
    "/api/v1": ("pods", "services", "secrets", "serviceaccounts", "resourcequotas"),
    "/apis/apps/v1": ("deployments",),
    "/apis/networking.k8s.io/v1": ("networkpolicies",),
    "/apis/rbac.authorization.k8s.io/v1": ("roles", "rolebindings"),
}


@pytest.fixture(scope="module")
def small_repository(make_repository: Callable[[str], Repository]) -> Repository:
    return make_repository("mlops/small")


@pytest.fixture(scope="module")
def small(
    small_repository: Repository, backend: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Stack, Outcome]]:
    """The stack and how its first `up` went."""
    folder: Path = tmp_path_factory.mktemp("small")
    stack = Stack.make("tests-small", stack_file("small.yaml"), folder, backend)
    yield stack, stack.up()
    stack.destroy().succeeded()


def generations(api: KubernetesApi) -> dict[str, Any]:
    """Every object of the stack's namespaces with what would change if somebody wrote to it."""
    found = {}
    for namespace in NAMESPACES:
        for group, kinds in KINDS.items():
            for kind in kinds:
                for item in api.items(f"{group}/namespaces/{namespace}/{kind}"):
                    metadata = item["metadata"]
                    key = f"{namespace}/{kind}/{metadata['name']}"
                    found[key] = (metadata["uid"], metadata.get("generation"), item.get("spec"), item.get("data"))
    return found


def test_up_returns_when_the_runner_is_online_at_the_forge(
    small: tuple[Stack, Outcome], small_repository: Repository, api: KubernetesApi
) -> None:
    small[1].succeeded()
    online = {runner.name for runner in small_repository.runners() if runner.online}
    assert online == {pod.name for pod in Pods(api, NAMESPACE, small_repository).of("small")}
    assert len(online) == 1


def test_the_runner_has_the_pools_labels(small: tuple[Stack, Outcome], small_repository: Repository) -> None:
    (runner,) = small_repository.runners()
    assert runner.labels == {"small"}


def test_a_preview_after_up_is_empty(small: tuple[Stack, Outcome]) -> None:
    small[0].preview().succeeded()


def test_a_refresh_after_up_is_empty(small: tuple[Stack, Outcome]) -> None:
    small[0].refresh().succeeded()


def test_a_second_up_does_nothing(small: tuple[Stack, Outcome], api: KubernetesApi) -> None:
    before = generations(api)
    outcome = small[0].up().succeeded()
    assert "unchanged" in outcome.output
    assert not {"created", "updated", "replaced", "deleted"} & set(outcome.output.split())
    assert generations(api) == before


def test_destroy_leaves_nothing(small: tuple[Stack, Outcome], small_repository: Repository, api: KubernetesApi) -> None:
    small[0].destroy().succeeded()
    until(
        "the stack's namespaces are gone",
        lambda: not {item["metadata"]["name"] for item in api.items("/api/v1/namespaces")} & set(NAMESPACES),
        30,
    )
    assert small_repository.runners() == [], "the forge still has a registration of a runner that is gone"
    for kind in ("clusterroles", "clusterrolebindings"):
        names = [item["metadata"]["name"] for item in api.items(f"/apis/rbac.authorization.k8s.io/v1/{kind}")]
        assert [name for name in names if "small" in name or name.startswith("registrar")] == []
