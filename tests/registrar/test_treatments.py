"""What was decided is done beside the cycles: who is slow costs only itself."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from registrar.forges.forge import Pace
from registrar.scope_cycle import ScopeCycle
from registrar.treatments import AT_ONCE
from tests.registrar.at_once import AtOnce
from tests.registrar.conftest import PATIENCE_SECONDS, World, open_world, until
from tests.registrar.stand_in_cluster import stamp, start
from tests.registrar.test_loop import a_registered_pod, an_online_pod, annotation, cycles, gate, runner_id
from values import contract
from values.scope import Scope


class Held:
    """One call of the forge that goes on for these runners until the test lets it, and how often it was made."""

    def __init__(self, world: World, verb: str, monkeypatch: pytest.MonkeyPatch, *, is_held: Callable[[int], bool]):
        self.asked, self.goes_on = Counter[int](), asyncio.Event()
        self.at_once = AtOnce()
        self._call, self._is_held = getattr(world.forge, verb), is_held
        monkeypatch.setattr(world.forge, verb, self.call)

    async def call(self, scope: Scope, runner_id: int) -> None:
        self.asked[runner_id] += 1
        with self.at_once:
            if self._is_held(runner_id):
                await self.goes_on.wait()
            await self._call(scope, runner_id)


async def leaves(world: World, pod: dict[str, Any]) -> None:
    """Its pod is deleted, and its container goes on."""
    pod["metadata"]["deletionTimestamp"] = stamp()
    await world.cluster.put(pod)


async def leaving_pods(world: World, number: int) -> list[dict[str, Any]]:
    """Idle runners whose pods are deleted."""
    pods = []
    for count in range(number):
        pod = start(await a_registered_pod(world, f"cuda-abc-{count:05}"))
        world.gitea.come_online(runner_id(pod))
        await leaves(world, pod)
        pods.append(pod)
    return pods


async def test_a_gate_and_a_latch_wait_for_no_cordon_of_others_that_is_slow(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cordons = Held(world, "cordon", monkeypatch, is_held=lambda runner_id: True)
    leaving = await leaving_pods(world, 2 * AT_ONCE)
    world.run()
    await until(lambda: len(cordons.asked) == AT_ONCE)
    pod = await an_online_pod(world)
    world.gitea.job(7, runner_id=runner_id(pod))
    await until(lambda: annotation(pod, contract.BUSY_ANNOTATION) == "7")
    assert not any(world.gitea.runners[runner_id(pod)]["disabled"] for pod in leaving)
    cordons.goes_on.set()
    await until(lambda: len(world.gitea.removed) == len(leaving))
    assert cordons.at_once.most == AT_ONCE, "and a forge has others to serve"
    assert set(cordons.asked.values()) == {1}, "who waited was not decided about once more"


async def test_who_waits_for_room_at_the_forge_is_latched_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cordons = Held(world, "cordon", monkeypatch, is_held=lambda runner_id: True)
    leaving = await leaving_pods(world, AT_ONCE + 1)
    world.run()
    await until(lambda: len(cordons.asked) == AT_ONCE)
    (waiting,) = [pod for pod in leaving if runner_id(pod) not in cordons.asked]
    world.gitea.job(7, runner_id=runner_id(waiting))
    await until(lambda: annotation(waiting, contract.BUSY_ANNOTATION) == "7")
    cordons.goes_on.set()
    await until(lambda: len(world.gitea.removed) == AT_ONCE)
    assert runner_id(waiting) not in cordons.asked


async def test_of_one_pod_one_thing_is_done_at_a_time_however_often_it_is_looked_at(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cordons = Held(world, "cordon", monkeypatch, is_held=lambda runner_id: True)
    (pod,) = await leaving_pods(world, 1)
    world.run()
    await until(lambda: cordons.asked)
    await cycles(world, 5)
    assert cordons.asked == {runner_id(pod): 1}
    assert world.gitea.removed == []
    cordons.goes_on.set()
    await until(lambda: world.gitea.removed == [runner_id(pod)])


async def test_what_happens_to_a_pod_that_is_being_treated_is_looked_at_right_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(tmp_path, "gitea", Pace(burst=3600, active=3600, idle=3600, census=0)) as world:
        cordons = Held(world, "cordon", monkeypatch, is_held=lambda runner_id: True)
        (pod,) = await leaving_pods(world, 1)
        world.run()
        await until(lambda: cordons.asked)
        world.gitea.job(7, runner_id=runner_id(pod))
        await world.cluster.put(pod)  # which is looked at, and left out
        await cycles(world, 1)
        cordons.goes_on.set()
        await until(lambda: annotation(pod, contract.BUSY_ANNOTATION) == "7")


async def test_a_look_that_began_before_something_was_done_does_not_do_it_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It knows the pod as it was before."""
    opened, answered, listed = [], asyncio.Event(), asyncio.Event()
    open_gate, list_jobs = world.api.open_gate, world.forge.jobs_in_progress

    async def slow_gate(*args: Any) -> Any:
        opened.append(args)
        await answered.wait()
        return await open_gate(*args)

    async def slow_jobs(scope: Scope) -> Any:
        if opened:
            await listed.wait()
        return await list_jobs(scope)

    monkeypatch.setattr(world.api, "open_gate", slow_gate)
    monkeypatch.setattr(world.forge, "jobs_in_progress", slow_jobs)
    pod = start(await a_registered_pod(world))
    world.gitea.come_online(1)
    await world.cluster.put(pod)
    world.follow()
    await until(lambda: any(known.started for known in world.store.pods()))
    (scope,) = world.settings.scopes
    cycle = ScopeCycle(world.service.parts, scope, time.time)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await cycle.run()
    await until(lambda: opened)
    second = asyncio.create_task(cycle.run())
    await until(lambda: cycle._left_out)
    answered.set()
    await until(lambda: not cycle._treatments.under_way)
    listed.set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await second
    await until(lambda: not cycle._treatments.under_way)
    assert len(opened) == 1
    assert cycle.changed.is_set(), "the next look comes at once"
    await cycle.close()


GHOSTS = {
    "deadlines": {"scheduleSeconds": 9, "pullSeconds": 9, "onlineSeconds": 60, "lostSeconds": 9, "ghostSeconds": 1}
}


@pytest.mark.parametrize("world", [GHOSTS], indirect=True)
async def test_a_runner_without_a_pod_that_is_slow_to_go_holds_up_neither_another_one_nor_a_gate(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cordons = Held(world, "cordon", monkeypatch, is_held=lambda runner_id: runner_id == 90)
    world.run()
    pod = await an_online_pod(world)
    for number, name in ((90, "cuda-abc-ddddd"), (91, "cuda-abc-eeeee")):
        world.gitea.runners[number] = {**world.gitea.runners[1], "id": number, "name": name, "status": "offline"}
    await until(lambda: world.gitea.removed == [91])
    other = await an_online_pod(world, "cuda-abc-bbbbb")
    assert cordons.asked[90] == 1
    cordons.goes_on.set()
    await until(lambda: world.gitea.removed == [91, 90])
    assert gate(pod) == gate(other) == "True"


async def test_a_loop_that_ends_while_runners_are_slow_ends_what_it_has_begun(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cordons = Held(world, "cordon", monkeypatch, is_held=lambda runner_id: True)
    await leaving_pods(world, AT_ONCE + 1)
    world.run()
    await until(lambda: len(cordons.asked) == AT_ONCE)
    *_, loop = world.tasks
    loop.cancel()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.wait([loop])
    assert not [task for task in asyncio.all_tasks() if "Treatments" in repr(task.get_coro())]
