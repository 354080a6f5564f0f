"""Which pools a stack declares, from the state as Pulumi exports it and the config as Pulumi prints it."""

import json
from typing import Any

import pytest

from access.online.snapshot import PoolSnapshot
from gpu_runners.errors import CommandFailedError
from gpu_runners.wait.declared import (
    DeclaredPool,
    asleep,
    deadline_seconds,
    declared_pools,
    not_brought_up,
    scaled_down,
)
from tests.gpu_runners.state.test_check import recorded, resource

TWO = DeclaredPool("dev", "cuda", 2)
SCALED = DeclaredPool("dev", "cuda", None)


def state(**changes: Any) -> list[dict[str, Any]]:
    """A recorded state whose pool's Deployment is changed."""
    document = recorded()
    resource(document, ":Deployment").update(changes)
    resources: list[dict[str, Any]] = document["deployment"]["resources"]
    return resources


def config(pools: Any) -> dict[str, Any]:
    return {"gpu-runners:pools": {"value": json.dumps(pools), "objectValue": pools, "secret": False}}


def deadline(value: str) -> dict[str, Any]:
    return {"gpu-runners:onlineDeadlineSeconds": {"value": value, "secret": False}}


def test_the_pools_are_the_deployments_that_have_a_pools_label() -> None:
    assert declared_pools(state()) == [DeclaredPool("review-pools", "reviewed", 1)]


def test_a_deployment_without_it_such_as_the_registrars_is_none() -> None:
    resources = state()
    deployment = next(one for one in resources if one["type"].endswith(":Deployment"))
    del deployment["inputs"]["metadata"]["labels"]["gpu-runners.dev/pool"]
    assert declared_pools(resources) == []


def test_what_only_waits_to_be_deleted_is_none() -> None:
    assert declared_pools(state(delete=True)) == []


@pytest.mark.parametrize("inputs", [None, {}, {"metadata": {"labels": ["gpu-runners.dev/pool"]}}, {"metadata": 7}])
def test_a_deployment_of_another_shape_is_none(inputs: Any) -> None:
    assert declared_pools(state(inputs=inputs)) == []


def test_what_an_autoscaler_sets_is_not_declared() -> None:
    assert declared_pools(state(ignoreChanges=["spec.replicas"])) == [DeclaredPool("review-pools", "reviewed", None)]


def test_a_pool_that_only_the_config_has_was_not_brought_up() -> None:
    assert not_brought_up(config([{"name": "cuda"}, {"name": "amd"}]), [TWO]) == ["amd"]
    assert not_brought_up(config([{"name": "cuda"}]), [TWO]) == []
    assert not_brought_up({}, [TWO]) == []


@pytest.mark.parametrize("pools", [7, "cuda", {"name": "cuda"}, [7, None, {}], None])
def test_a_config_that_the_program_would_refuse_names_no_pool(pools: Any) -> None:
    assert not_brought_up(config(pools), []) == []
    assert not_brought_up({"gpu-runners:pools": {"value": "[", "secret": False}}, []) == []


def test_the_deadline_is_the_stacks_own() -> None:
    assert [deadline_seconds(deadline(text)) for text in ("10", "900", "86400")] == [10, 900, 86400]


@pytest.mark.parametrize("text", ["", "9", "86401", "-900", "900.5", "٩٠٠", "soon", "9" * 5000])
def test_another_deadline_is_refused_with_what_is_allowed_and_the_cure(text: str) -> None:
    with pytest.raises(CommandFailedError) as refused:
        deadline_seconds(deadline(text))
    assert "allowed: a whole number of seconds from 10 to 86400; `pulumi config set " in str(refused.value)
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize(
    ("declared", "replicas", "is_down"),
    [(TWO, 0, True), (TWO, 1, True), (TWO, 2, False), (TWO, 3, False), (SCALED, 0, False)],
)
def test_a_pool_that_somebody_scaled_down_is_no_complete_one(
    declared: DeclaredPool, replicas: int, is_down: bool
) -> None:
    lines = scaled_down([declared], [PoolSnapshot("cuda", replicas)])
    assert bool(lines) == is_down
    if is_down:
        assert f"cuda: {replicas} of 2 replicas" in lines[0]
        assert "`kubectl scale --namespace dev deployment/cuda --replicas=2`" in lines[0]


def test_a_pool_without_runners_is_said_with_who_wants_it_so() -> None:
    (scaled,) = asleep([SCALED], [PoolSnapshot("cuda", 0)])
    (declared,) = asleep([DeclaredPool("dev", "cuda", 0)], [PoolSnapshot("cuda", 0)])
    assert "its autoscaler wants none" in scaled
    assert "declares 0 replicas" in declared
    assert asleep([SCALED, TWO], [PoolSnapshot("cuda", 1), PoolSnapshot("amd", 0)]) == []
