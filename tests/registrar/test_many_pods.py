"""What a cycle over many pods costs those who wait meanwhile, and how often a forge is asked about what is known."""

import asyncio
import time
from typing import Any

from registrar.scope_cycle import DECISIONS_IN_A_ROW, ScopeCycle
from tests.registrar.conftest import World, look, until
from tests.registrar.stand_in_cluster import end, runner_pod, start
from values import contract
from values.scope import Scope

GUIDE = Scope("mlops/guide")
PODS = 400


def gated(name: str, **annotations: str) -> dict[str, Any]:
    pod = start(runner_pod(name), seconds_ago=60)
    pod["metadata"]["annotations"] |= annotations
    pod["status"]["conditions"].append({"type": contract.ONLINE_GATE, "status": "True"})
    return pod


async def test_whoever_asks_while_many_pods_are_judged_is_answered_in_between(world: World) -> None:
    for number in range(PODS):
        await world.cluster.create(gated(f"cuda-abc-{number:05}"))
    world.follow()
    await until(lambda: len(world.store.pods()) == PODS)
    turns, seen = 0, list[int]()

    async def somebody_else() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def clock() -> float:
        seen.append(turns)
        return time.time()

    cycle = ScopeCycle(world.service.parts, GUIDE, clock)
    other = asyncio.create_task(somebody_else())
    await look(cycle)
    other.cancel()
    judged = [turn for turn in set(seen) if seen.count(turn) > 1]
    assert len(judged) >= PODS / DECISIONS_IN_A_ROW - 1
    await cycle.close()


async def test_who_works_on_a_known_job_needs_no_frequent_looks(world: World) -> None:
    pods = {
        "known": gated("cuda-abc-00001", **{contract.BUSY_ANNOTATION: "7"}),
        "unknown": gated("cuda-abc-00002", **{contract.BUSY_ANNOTATION: contract.BUSY_WITH_UNKNOWN_JOB}),
        "idle": gated("cuda-abc-00003"),
        "starting": start(runner_pod("cuda-abc-00004")),
    }
    for pod in pods.values():
        await world.cluster.create(pod)
    world.follow()
    await until(lambda: len(world.store.pods()) == len(pods))
    cycle = ScopeCycle(world.service.parts, GUIDE, time.time)
    moving = {pod.name for pod in world.store.pods() if cycle.is_moving(pod)}
    assert moving == {pods[name]["metadata"]["name"] for name in ("unknown", "starting")}
    await cycle.close()


async def at_work(world: World) -> tuple[dict[str, Any], int]:
    """A pod whose runner has job 5, as the registrar knows by now; and that runner."""
    pod = runner_pod()
    await world.cluster.create(pod)
    world.run()
    await until(world.store.pods)
    assert (await world.register(pod))[0] == 200
    (runner,) = world.gitea.runners
    world.gitea.job(5, runner_id=runner)
    world.gitea.come_online(runner)
    await world.cluster.put(start(pod))
    await until(lambda: pod["metadata"]["annotations"].get(contract.BUSY_ANNOTATION) == "5")
    return pod, runner


async def test_a_registration_that_is_gone_is_not_looked_for_until_the_result_is_there(world: World) -> None:
    pod, runner = await at_work(world)
    world.gitea.job(5, runner_id=runner, status="completed", conclusion="success")
    world.gitea.slow["/actions/jobs/5"] = 2.0
    del world.gitea.runners[runner]
    world.gitea.calls.clear()
    await world.cluster.put(end(pod, exit_code=0))
    await until(lambda: not world.cluster.pods)
    looks = [call for call in world.gitea.calls if call.endswith(f"/runners/{runner}")]
    lists = [call for call in world.gitea.calls if call.endswith("/actions/runners")]
    assert len(lists) > 3, "there were cycles while the result was awaited"
    assert len(looks) <= 2


async def test_a_registration_that_is_gone_is_not_looked_for_while_its_job_still_seems_to_run(world: World) -> None:
    pod, runner = await at_work(world)
    del world.gitea.runners[runner]
    world.gitea.calls.clear()
    await world.cluster.put(end(pod, exit_code=0))
    await until(lambda: len([call for call in world.gitea.calls if call.endswith("/actions/runners")]) > 3)
    assert len([call for call in world.gitea.calls if call.endswith(f"/runners/{runner}")]) <= 2
