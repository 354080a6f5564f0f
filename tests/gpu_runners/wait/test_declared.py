"""What a wait is to know of the pools that a stack declares, from the config as Pulumi prints it."""

import json
from typing import Any

import pytest

from access.online.snapshot import PoolSnapshot
from gpu_runners.declared_pools import DeclaredPool
from gpu_runners.errors import CommandFailedError
from gpu_runners.wait.declared import asleep, deadline_seconds, not_brought_up, scaled_down

TWO = DeclaredPool("dev", "cuda", 2)
SCALED = DeclaredPool("dev", "cuda", None)


def config(pools: Any) -> dict[str, Any]:
    return {"gpu-runners:pools": {"value": json.dumps(pools), "objectValue": pools, "secret": False}}


def deadline(value: str) -> dict[str, Any]:
    return {"gpu-runners:onlineDeadlineSeconds": {"value": value, "secret": False}}


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
