"""Which pools a stack declares, from the state as Pulumi exports it."""

from dataclasses import replace
from typing import Any

import pytest

from gpu_runners.declared_pools import DeclaredPool, declared_pools
from tests.gpu_runners.state.test_check import recorded, resource

REVIEWED = DeclaredPool("review-pools", "reviewed", 1, ("reviewed",), 1)


def state(**changes: Any) -> list[dict[str, Any]]:
    """A recorded state whose pool's Deployment is changed."""
    document = recorded()
    resource(document, ":Deployment").update(changes)
    resources: list[dict[str, Any]] = document["deployment"]["resources"]
    return resources


def test_the_pools_are_the_deployments_that_have_a_pools_label() -> None:
    assert declared_pools(state()) == [REVIEWED]


def test_a_deployment_without_it_such_as_the_registrars_is_none() -> None:
    resources = state()
    deployment = next(entry for entry in resources if entry["type"].endswith(":Deployment"))
    del deployment["inputs"]["metadata"]["labels"]["gpu-runners.dev/pool"]
    assert declared_pools(resources) == []


def test_what_only_waits_to_be_deleted_is_none() -> None:
    assert declared_pools(state(delete=True)) == []


@pytest.mark.parametrize("inputs", [None, {}, {"metadata": {"labels": ["gpu-runners.dev/pool"]}}, {"metadata": 7}])
def test_a_deployment_of_another_shape_is_none(inputs: Any) -> None:
    assert declared_pools(state(inputs=inputs)) == []


def test_what_an_autoscaler_sets_is_not_declared() -> None:
    assert declared_pools(state(ignoreChanges=["spec.replicas"])) == [replace(REVIEWED, replicas=None)]
