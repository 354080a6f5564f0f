"""The loop with GitHub: the same decisions as for Gitea, with a cordon that is a removal; and what it costs."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.github.faults import Fault
from registrar.forges.forge import Pace
from registrar.forges.github.pace import LIMITS
from tests.github.arranged import job
from tests.registrar.conftest import World, open_world, until
from tests.registrar.stand_in_cluster import end, runner_pod, stamp, start
from values import contract

NAME = "cuda-abc-aaaaa"
FAST = Pace(burst=0.05, active=0.1, idle=0.2, census=0.3)
RUNS_THAT_GO_ON = 200
SPEED = 20.0  # the test with many pods runs that much faster than GitHub's clock


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, "github", FAST) as it:
        yield it


def runner_id(pod: dict[str, Any]) -> int:
    return int(pod["metadata"]["annotations"][contract.RUNNER_ID_ANNOTATION])


def gated(pod: dict[str, Any]) -> bool:
    conditions = {condition["type"]: condition["status"] for condition in pod["status"]["conditions"]}
    return conditions.get(contract.ONLINE_GATE) == "True"


async def an_online_pod(world: World, name: str = NAME) -> dict[str, Any]:
    pod = runner_pod(name)
    await world.cluster.create(pod)
    status, _, _ = await world.register(pod)
    assert status == 200
    world.github.come_online(runner_id(pod))
    await world.cluster.put(start(pod))
    await until(lambda: gated(pod))
    return pod


async def test_an_idle_runner_whose_pod_is_deleted_leaves_github_with_one_request(world: World) -> None:
    world.run()
    pod = await an_online_pod(world)
    pod["metadata"]["deletionTimestamp"] = stamp()
    await world.cluster.put(pod)
    await until(lambda: world.github.runners == {})
    await until(lambda: contract.RUNNER_CORDONED in world.cluster.reasons())
    assert sum(call.startswith("DELETE") for call in world.github.calls) == 1


@pytest.mark.parametrize("status", [403, 404, 503])
async def test_a_runner_is_gated_though_no_job_can_be_read(world: World, status: int) -> None:
    world.github.arrange_status(status)
    world.github.faults.add(Fault("^GET .*/actions/runs", times=None, status=status, message="no"))
    world.run()
    pod = await an_online_pod(world)
    pod["metadata"]["deletionTimestamp"] = stamp()
    await world.cluster.put(pod)
    await until(lambda: contract.FORGE_UNKNOWN in world.cluster.reasons())
    assert runner_id(pod) in world.github.runners  # who works is not known, so nobody is removed


async def test_a_busy_runner_is_latched_though_no_job_can_be_read(world: World) -> None:
    world.github.arrange_status(403)
    world.github.faults.add(Fault("^GET .*/actions/runs", times=None, status=403, message="no"))
    world.run()
    pod = await an_online_pod(world)
    world.github.runners[runner_id(pod)].job = 1
    await until(lambda: contract.BUSY_ANNOTATION in pod["metadata"]["annotations"])


async def test_a_job_that_github_does_not_show_yet_keeps_its_runner(world: World) -> None:
    world.run()
    pod = await an_online_pod(world)
    world.github.runners[runner_id(pod)].job = 1  # and no run says so
    pod["metadata"]["deletionTimestamp"] = stamp()
    await world.cluster.put(pod)
    await until(lambda: contract.BUSY_ANNOTATION in pod["metadata"]["annotations"])
    assert runner_id(pod) in world.github.runners


async def test_a_refused_removal_latches_the_pod_although_the_list_calls_it_idle(world: World) -> None:
    world.run()
    pod = await an_online_pod(world)
    world.github.refuse_removals()
    pod["metadata"]["deletionTimestamp"] = stamp()
    await world.cluster.put(pod)
    await until(lambda: contract.BUSY_ANNOTATION in pod["metadata"]["annotations"])
    assert runner_id(pod) in world.github.runners
    assert sum(call.startswith("DELETE") for call in world.github.calls) == 1


async def test_a_job_latches_its_pod_with_its_id_and_its_conclusion_ends_it(world: World) -> None:
    world.run()
    pod = await an_online_pod(world)
    world.github.run(1, job(5, runner_id=runner_id(pod)))
    await until(lambda: pod["metadata"]["annotations"].get(contract.BUSY_ANNOTATION) == "5")
    world.github.run(1, job(5, runner_id=runner_id(pod), status="completed", conclusion="success"))
    del world.github.runners[runner_id(pod)]  # as GitHub does with a runner that is single-use
    await world.cluster.put(end(pod, exit_code=0))
    await until(lambda: contract.RUNNER_COMPLETED in world.cluster.reasons())


async def test_an_ended_runner_whose_job_has_its_result_is_not_looked_for(world: World) -> None:
    world.run()
    pod = await an_online_pod(world)
    number = runner_id(pod)
    world.github.run(1, job(5, runner_id=number))
    await until(lambda: pod["metadata"]["annotations"].get(contract.BUSY_ANNOTATION) == "5")
    world.github.run(1, job(5, runner_id=number, status="completed", conclusion="failure"))
    del world.github.runners[number]
    world.github.calls.clear()
    await world.cluster.put(end(pod, exit_code=0))
    await until(lambda: contract.RUNNER_COMPLETED in world.cluster.reasons())
    assert not world.cluster.pods
    assert [call for call in world.github.calls if call.endswith(f"/runners/{number}")] == []


async def test_an_ended_runner_without_a_result_is_looked_for_and_removed(world: World) -> None:
    world.run()
    pod = await an_online_pod(world)
    await world.cluster.put(end(pod, exit_code=1))
    await until(lambda: not world.github.runners)
    await until(lambda: contract.REGISTRATION_REMOVED in world.cluster.reasons())


async def test_a_pod_that_asks_again_gets_a_registration_of_its_own_name(world: World) -> None:
    pod = runner_pod(NAME)
    await world.cluster.create(pod)
    first, former = await world.register(pod), runner_id(pod)
    second = await world.register(pod)
    assert (first[0], second[0]) == (200, 200)
    assert [runner.name for runner in world.github.runners.values()] == [NAME]
    assert world.github.runners.keys() == {runner_id(pod)}
    assert runner_id(pod) != former


async def test_waiting_jobs_are_counted_for_an_autoscaler(world: World) -> None:
    world.run()
    await world.cluster.declare()
    await until(lambda: world.service.declared.pools("runners"))
    world.github.run(2, job(6, status="queued"))
    async with world.http.get(f"{world.status_url}/queue") as response:
        counted = await response.json()
    assert counted == {"runners/cuda": {"waiting": 1, "running": 0, "wanted": 1}}


async def register_as_the_script_does(world: World, pod: dict[str, Any]) -> int:
    """POST until it is answered, with the pauses that the registrar asks for. Returns the number of tries."""
    for attempt in range(1, 100):
        status, headers, body = await world.register(pod)
        if status == 200:
            return attempt
        assert status == 503, body
        await asyncio.sleep(int(headers["Retry-After"]))
    raise AssertionError("never registered")


async def test_200_pods_that_start_at_once_break_no_limit_and_cost_one_change_each(
    tmp_path: Path,
) -> None:
    limits = replace(LIMITS, changes=LIMITS.changes * SPEED, reads=LIMITS.reads * SPEED)
    pace = Pace(burst=2 / SPEED, active=3 / SPEED, idle=5 / SPEED, census=60 / SPEED, issues=SPEED)
    async with open_world(tmp_path, "github", pace, limits) as world:
        world.run()
        pods = [runner_pod(f"cuda-abc-{number:05d}") for number in range(200)]
        for pod in pods:
            await world.cluster.create(pod)

        async def come_up(pod: dict[str, Any]) -> None:
            await register_as_the_script_does(world, pod)
            world.github.come_online(runner_id(pod))
            await world.cluster.put(start(pod))

        async with asyncio.timeout(90):
            await asyncio.gather(*map(come_up, pods))
            while not all(map(gated, pods)):
                await asyncio.sleep(0.05)
        changes = [at for at, method in world.github.moments if method != "GET"]
        assert len(changes) == 200
        assert most_points(world.github.moments, 60 / SPEED) <= 900
        assert max(sum(at <= other < at + 60 / SPEED for other in changes) for at in changes) <= 80
        assert world.github.spent < 1667  # a third of an hour's budget


def most_points(moments: list[tuple[float, str]], window: float) -> int:
    """The most points in any window: a read is 1, a change 5."""
    points = [(at, 1 if method == "GET" else 5) for at, method in moments]
    return max(sum(cost for other, cost in points if at <= other < at + window) for at, _ in points)


async def test_idle_runners_cost_nothing_but_the_looks_that_find_nothing_new(world: World) -> None:
    world.run()
    for number in range(5):
        await an_online_pod(world, f"cuda-abc-{number:05d}")
    began = time.monotonic()
    await until(lambda: time.monotonic() - began > 0.6)  # two lists of runners see them all settled
    before = world.github.spent, len(world.github.calls)
    await until(lambda: len(world.github.calls) > before[1] + 20)
    assert world.github.spent == before[0]


async def test_the_younger_of_two_namesakes_of_a_scope_takes_no_registration_from_the_elder(tmp_path: Path) -> None:
    grants = [
        {"namespace": name, "scope": "mlops/guide", "serviceAccounts": ["runner"], "runnerGroup": None}
        for name in ("runners", "others")
    ]
    async with open_world(tmp_path, "github", FAST, grants=grants) as world:
        world.run()
        elder, younger = runner_pod(NAME), runner_pod(NAME, namespace="others")
        elder["metadata"]["creationTimestamp"] = stamp(60)
        for pod in (elder, younger):
            await world.cluster.create(pod)
        await until(lambda: len(world.store.pods()) == 2)
        assert (await world.register(elder))[0] == 200
        status, _, body = await world.register(younger)
        assert (status, body["reason"]) == (409, "NameTaken")
        assert [one.name for one in world.github.runners.values()] == [NAME]
        assert runner_id(elder) in world.github.runners


async def test_with_200_runs_that_go_on_a_new_runner_is_online_and_a_leaving_one_off_within_seconds(
    tmp_path: Path,
) -> None:
    pace = Pace(burst=0.2, active=0.3, idle=0.5, census=6.0)
    async with open_world(tmp_path, "github", pace) as world:
        for number in range(RUNS_THAT_GO_ON):
            world.github.run(1000 + number, job(1000 + number, status="queued"))
        world.run()
        # How long each takes is how many answers it stands in line behind, at the pace at which GitHub is asked.
        pod = await an_online_pod(world)
        assert runs_read(world) < RUNS_THAT_GO_ON
        read = runs_read(world)
        pod["metadata"]["deletionTimestamp"] = stamp()
        await world.cluster.put(pod)
        await until(lambda: world.github.runners == {})
        assert runs_read(world) - read < RUNS_THAT_GO_ON / 2


def runs_read(world: World) -> int:
    """How many times GitHub was asked for the jobs of a run."""
    return sum(call.endswith("/jobs") for call in world.github.calls)


async def a_job_that_waited(world: World, seconds: float) -> dict[str, Any]:
    """A pod that is latched with a job which began so long after it was made."""
    world.run()
    pod = await an_online_pod(world)
    world.github.run(1, job(5, runner_id=runner_id(pod)))
    (begun,) = world.github.world.runs[1].jobs
    begun.started = begun.made + seconds
    await until(lambda: pod["metadata"]["annotations"].get(contract.BUSY_ANNOTATION) == "5")
    return pod


async def test_with_the_latch_a_pod_is_told_how_long_its_job_has_waited(world: World) -> None:
    pod = await a_job_that_waited(world, 62)
    assert pod["metadata"]["annotations"][contract.QUEUED_SECONDS_ANNOTATION] == "62"


async def test_of_a_job_whose_wait_makes_no_sense_nothing_is_told(world: World) -> None:
    pod = await a_job_that_waited(world, -9)
    assert contract.QUEUED_SECONDS_ANNOTATION not in pod["metadata"]["annotations"]


async def test_an_earlier_registration_that_github_keeps_is_told_and_waited_for(world: World) -> None:
    """Its answer was lost, so the name is taken; that GitHub refuses to delete it is no fault of the registrar's."""
    pod = runner_pod()
    await world.cluster.create(pod)
    assert (await world.register(pod))[0] == 200
    del pod["metadata"]["annotations"][contract.RUNNER_ID_ANNOTATION]
    await world.cluster.put(pod)
    world.github.refuse_removals(422)
    status, headers, body = await world.register(pod)
    assert (status, body["reason"]) == (503, contract.FORGE_UNKNOWN)
    assert "GitHub keeps it" in body["message"]
    assert int(headers["Retry-After"]) > 1
