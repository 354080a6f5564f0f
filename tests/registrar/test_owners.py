"""A Deployment is remembered as long as a pod or a runner bears its name, and not for ever."""

import time
from dataclasses import replace

from registrar.owners import LISTS_WITHOUT, MOST_OWNERS, Owners
from registrar.pods import RunnerPod
from registrar.scope_cycle import ScopeCycle
from tests.registrar.conftest import World, look, until
from tests.registrar.stand_in_cluster import runner_pod
from tests.registrar.test_brake import ended_pod


def pod_of(owner: str, namespace: str = "runners") -> RunnerPod:
    return replace(ended_pod(f"{owner}-abc-aaaaa", at=0), owner=owner, namespace=namespace)


def test_a_runner_is_known_by_its_name_alone_though_its_pods_are_gone() -> None:
    owners = Owners()
    owners.note([pod_of("cuda"), pod_of("cuda", "others"), pod_of("")])
    for _ in range(LISTS_WITHOUT - 1):
        owners.listed([], [])
    assert owners.namespaces("cuda-def-bbbbb") == {"runners", "others"}
    assert owners.namespaces("office-abc-aaaaa") == frozenset()
    assert owners.namespaces("office") == frozenset()


def test_what_nothing_bears_any_more_is_forgotten_after_many_lists_in_a_row() -> None:
    owners = Owners()
    owners.note([pod_of("gone"), pod_of("left"), pod_of("there")])
    for _ in range(2 * LISTS_WITHOUT):
        owners.listed(["left-abc-ccccc", "office"], [pod_of("there")])
    assert [bool(owners.namespaces(f"{name}-abc-aaaaa")) for name in ("gone", "left", "there")] == [False, True, True]
    assert len(owners) == 2


def test_a_runner_that_is_back_on_the_list_counts_anew() -> None:
    owners = Owners()
    owners.note([pod_of("cuda")])
    for _ in range(3):
        for _ in range(LISTS_WITHOUT - 1):
            owners.listed([], [])
        owners.listed(["cuda-abc-aaaaa"], [])
    assert len(owners) == 1


def test_a_namespace_whose_pods_claim_deployments_without_end_costs_no_memory_and_nobody_else() -> None:
    owners = Owners()
    owners.note([pod_of("mine", "others"), pod_of("old")])
    owners.listed([], [])
    for number in range(MOST_OWNERS + 500):
        owners.note([pod_of(f"claimed{number}")])
    assert len(owners) == MOST_OWNERS + 1
    assert owners.namespaces("mine-abc-aaaaa")
    assert not owners.namespaces("old-abc-aaaaa"), "those that were not seen for longest go first"
    assert owners.namespaces(f"claimed{MOST_OWNERS + 499}-abc-aaaaa")


async def test_pools_that_come_and_go_leave_nothing_behind_and_their_ghosts_are_removed_all_the_same(
    world: World,
) -> None:
    now, parts = [1000.0], world.service.parts
    (scope,) = parts.settings.scopes
    cycle = ScopeCycle(parts, scope, time.time, elapsed=lambda: now[0])
    world.follow()
    await until(lambda: world.store.knows("runners"))
    for number in range(20):
        name = f"pool{number}-abc-aaaaa"
        await world.cluster.create(runner_pod(name))
        await until(world.store.pods)
        await look(cycle)
        await world.cluster.vanish("runners", name)
        await until(lambda: not world.store.pods())
    runner = {"status": "offline", "busy": False, "disabled": False, "ephemeral": True, "labels": []}
    world.gitea.runners[5] = {"id": 5, "name": "pool7-abc-ccccc", **runner}
    assert cycle._ghosts.remembered == 20
    world.gitea.failing = 502
    for _ in range(2 * LISTS_WITHOUT):
        now[0] += 60
        await look(cycle)
    assert cycle._ghosts.remembered == 20, "nobody knows what is left at a forge that is away"
    world.gitea.failing = None
    seconds = 1.5 * world.settings.deadlines.ghost_seconds
    for _ in range(LISTS_WITHOUT):
        now[0] += seconds / LISTS_WITHOUT
        await look(cycle)
    assert world.gitea.removed == [5]
    assert cycle._ghosts.remembered == 1
    for _ in range(LISTS_WITHOUT):
        now[0] += 60
        await look(cycle)
    assert cycle._ghosts.remembered == 0
    await cycle.close()
