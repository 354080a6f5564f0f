"""The declared pools are known as the API server's watch tells, and it is asked for no list without need."""

import pytest
from lightkube.models.apps_v1 import Deployment

from registrar.declared_pool import read_declared_pool
from registrar.declared_pools import DeclaredPools
from tests.registrar.conftest import World, until
from tests.registrar.stand_in_cluster import pool_deployment


def names(declared: DeclaredPools) -> list[str]:
    return sorted(pool.name for pool in declared.pools("runners"))


def asked(world: World) -> int:
    """How often for Deployments: the list once, and then the watch."""
    return sum(path.endswith("/deployments") for _, path in world.cluster.requests)


def most(annotations: dict[str, str], replicas: int = 2) -> tuple[int | None, bool]:
    deployment = pool_deployment()
    deployment["metadata"]["annotations"] = {f"gpu-runners.dev/{key}": text for key, text in annotations.items()}
    deployment["spec"]["replicas"] = replicas
    read = Deployment.from_dict(deployment)
    assert isinstance(read, Deployment)
    declared = read_declared_pool(read)
    return declared.most, declared.is_fixed


def test_a_pool_that_nothing_scales_has_the_runners_that_its_deployment_has() -> None:
    assert most({}) == (2, True)
    assert most({}, replicas=0) == (0, True)
    assert most({"autoscaled": "false"}) == (2, True)


def test_a_pool_that_something_scales_has_the_most_that_it_tells_or_none() -> None:
    assert most({"most-runners": "4", "idle-seconds": "300"}) == (4, False)
    assert most({"autoscaled": "true"}) == (None, False)


@pytest.mark.parametrize(("status", "is_refused"), [("True", True), ("False", False), (None, False)])
def test_a_pool_whose_pods_are_refused_is_known_as_that(status: str | None, is_refused: bool) -> None:
    deployment = pool_deployment()
    conditions = [] if status is None else [{"type": "ReplicaFailure", "status": status, "reason": "FailedCreate"}]
    deployment["status"] = {"conditions": [{"type": "Progressing", "status": "True"}, *conditions]}
    read = Deployment.from_dict(deployment)
    assert isinstance(read, Deployment)
    assert read_declared_pool(read).is_refused is is_refused


async def test_pools_come_and_go_as_the_watch_tells(world: World) -> None:
    declared = world.service.declared
    assert not declared.knows("runners")
    await world.cluster.declare("cuda")
    world.follow()
    await until(lambda: world.cluster.watched["Deployment"])
    assert declared.knows("runners")
    assert not declared.knows("elsewhere")
    assert names(declared) == ["cuda"]
    version = declared.version
    await world.cluster.declare("base")
    await until(lambda: names(declared) == ["base", "cuda"])
    await world.cluster.undeclare("cuda")
    await until(lambda: names(declared) == ["base"])
    assert declared.version == version + 2
    assert asked(world) == 2


async def test_a_pool_that_was_not_known_may_go_and_the_watch_goes_on(world: World) -> None:
    world.follow()
    await until(lambda: world.cluster.watched["Deployment"])
    await world.cluster.put(pool_deployment("gone"), "DELETED")
    await world.cluster.declare("cuda")
    await until(lambda: names(world.service.declared) == ["cuda"])
    assert asked(world) == 2


async def test_what_a_fresh_list_tells_is_another_version_as_well(world: World) -> None:
    """Else what was counted for the pools of before would be told on."""
    declared = world.service.declared
    world.follow()
    await until(lambda: world.cluster.watched["Deployment"])
    world.cluster.lose_watches()
    await world.cluster.declare("cuda")
    version = declared.version
    world.cluster.break_watches()
    await until(lambda: names(declared) == ["cuda"])
    assert declared.version > version
    assert asked(world) >= 3
