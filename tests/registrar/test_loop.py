"""The loop with a stand-in cluster and a stand-in Gitea: what happens to pods and runners, and in which order."""

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import pytest

from registrar.actions import ENDING_SECONDS
from registrar.forges.forge import Pace
from registrar.loop import Loop
from registrar.outcomes import Outcome
from tests.registrar.conftest import PATIENCE_SECONDS, World, open_world, stays, until
from tests.registrar.stand_in_cluster import end, runner_pod, stamp, start
from tests.registrar.test_brake import ended_pod
from values import contract

NAME = "cuda-abc-aaaaa"
FOR_EVER_SECONDS = 10 * PATIENCE_SECONDS  # which no test waits for
JOBS = "GET /api/v1/repos/mlops/guide/actions/jobs"


async def a_registered_pod(world: World, name: str = NAME, **changes: Any) -> dict[str, Any]:
    pod = runner_pod(name, **changes)
    await world.cluster.create(pod)
    status, _, _ = await world.register(pod)
    assert status == 200
    return pod


async def an_online_pod(world: World, name: str = NAME) -> dict[str, Any]:
    pod = await a_registered_pod(world, name)
    world.gitea.come_online(runner_id(pod))
    await world.cluster.put(start(pod))
    await until(lambda: gate(pod) == "True")
    return pod


def annotation(pod: dict[str, Any], key: str) -> str | None:
    value = pod["metadata"]["annotations"].get(key)
    return None if value is None else str(value)


def runner_id(pod: dict[str, Any]) -> int:
    return int(annotation(pod, contract.RUNNER_ID_ANNOTATION) or 0)


def gate(pod: dict[str, Any]) -> str | None:
    conditions = {condition["type"]: condition["status"] for condition in pod["status"]["conditions"]}
    return conditions.get(contract.ONLINE_GATE)


def event(world: World, reason: str) -> dict[str, Any]:
    return next(event for event in world.cluster.events if event["reason"] == reason)


async def cycles(world: World, number: int) -> None:
    """Wait until the loop has looked that many times more."""
    goal = looks(world) + number
    await until(lambda: looks(world) >= goal)


def looks(world: World) -> float:
    """How many times the loop has looked."""
    text = world.metrics.render().decode()
    return float(text.split("gpu_runners_cycle_seconds_count ")[1].split("\n")[0])


async def test_the_gate_opens_as_soon_as_the_forge_sees_the_runner_and_kubelets_conditions_stay(world: World) -> None:
    world.run()
    pod = await a_registered_pod(world)
    await world.cluster.put(start(pod))
    await cycles(world, 2)
    assert gate(pod) is None
    before = looks(world)
    world.gitea.come_online(1)
    await until(lambda: gate(pod) == "True")
    assert looks(world) - before <= 5
    assert {condition["type"] for condition in pod["status"]["conditions"]} == {"PodScheduled", contract.ONLINE_GATE}
    await until(lambda: contract.RUNNER_ONLINE in world.cluster.reasons())


async def test_a_job_latches_the_pod_before_anything_can_choose_it_for_deletion(world: World) -> None:
    world.run()
    pod = await an_online_pod(world)
    world.gitea.job(7, runner_id=1)
    await until(lambda: annotation(pod, contract.BUSY_ANNOTATION) == "7")
    assert int(annotation(pod, contract.DELETION_COST_ANNOTATION) or 0) > 0
    await until(lambda: contract.JOB_STARTED in world.cluster.reasons())


async def test_the_latch_outlives_the_jobs_end_and_a_flapping_list(world: World) -> None:
    world.run()
    pod = await an_online_pod(world)
    world.gitea.job(7, runner_id=1)
    await until(lambda: annotation(pod, contract.BUSY_ANNOTATION) == "7")
    world.gitea.jobs.clear()
    world.gitea.runners[1]["status"] = "offline"
    await world.cluster.put({**pod, "metadata": {**pod["metadata"], "deletionTimestamp": stamp()}})
    await cycles(world, 5)
    assert 1 in world.gitea.runners
    assert world.gitea.runners[1]["disabled"] is False
    assert world.cluster.deleted == []


async def test_a_deleted_idle_runner_is_cordoned_at_once_and_removed_after_a_look_at_the_jobs(world: World) -> None:
    world.run()
    pod = await an_online_pod(world)
    pod["metadata"]["deletionTimestamp"] = stamp()
    await world.cluster.put(pod)
    await until(lambda: world.gitea.runners[1]["disabled"])
    assert world.gitea.removed == []
    await until(lambda: world.gitea.removed == [1])
    calls = world.gitea.calls
    cordon = calls.index("PATCH /api/v1/repos/mlops/guide/actions/runners/1")
    remove = calls.index("DELETE /api/v1/repos/mlops/guide/actions/runners/1")
    assert "GET /api/v1/repos/mlops/guide/actions/jobs" in calls[cordon:remove]
    await until(lambda: contract.REGISTRATION_REMOVED in world.cluster.reasons())


async def test_a_job_that_was_assigned_while_the_cordon_was_on_its_way_is_not_lost(world: World) -> None:
    world.run()
    pod = await an_online_pod(world)
    pod["metadata"]["deletionTimestamp"] = stamp()
    await world.cluster.put(pod)
    await until(lambda: world.gitea.runners[1]["disabled"])
    world.gitea.job(7, runner_id=1)  # Gitea had picked it before it saw the cordon
    await until(lambda: annotation(pod, contract.BUSY_ANNOTATION) == "7")
    await cycles(world, 5)
    assert world.gitea.removed == []


async def test_a_finished_runner_is_swept_and_the_jobs_conclusion_is_told(world: World) -> None:
    world.run()
    pod = await an_online_pod(world)
    world.gitea.job(7, runner_id=1)
    await until(lambda: annotation(pod, contract.BUSY_ANNOTATION) == "7")
    world.gitea.job(7, runner_id=1, status="completed", conclusion="failure")
    del world.gitea.runners[1]
    await world.cluster.put(end(pod, exit_code=0))
    await until(lambda: world.cluster.deleted == [NAME])
    await until(lambda: contract.RUNNER_COMPLETED in world.cluster.reasons())
    assert "failure" in event(world, contract.RUNNER_COMPLETED)["message"]


async def test_a_job_too_short_to_be_seen_still_counts_as_a_job(world: World) -> None:
    world.run()
    pod = await a_registered_pod(world)
    world.gitea.job(7, runner_id=1, status="completed", conclusion="success")
    del world.gitea.runners[1]
    await world.cluster.put(end(pod, exit_code=0))
    await until(lambda: contract.RUNNER_COMPLETED in world.cluster.reasons())
    second = runner_pod("cuda-abc-bbbbb")
    await world.cluster.create(second)
    assert (await world.register(second))[0] == 200  # no brake


async def test_exit_code_0_is_a_failure_while_the_job_has_no_conclusion(world: World) -> None:
    world.run()
    pod = await an_online_pod(world)
    world.gitea.job(7, runner_id=1)
    await until(lambda: annotation(pod, contract.BUSY_ANNOTATION) == "7")
    await world.cluster.put(end(pod, exit_code=0))
    await until(lambda: contract.RUNNER_FAILED in world.cluster.reasons())
    assert "its result is lost" in event(world, contract.RUNNER_FAILED)["message"]
    assert world.gitea.removed == []  # the forge still calls the job in progress
    assert world.cluster.deleted == []  # kept for its logs


@pytest.mark.parametrize("world", [{"keepFailed": 2}], indirect=True)
async def test_only_the_last_failed_pods_of_a_pool_are_kept(world: World) -> None:
    world.run()
    for number in range(4):
        pod = runner_pod(f"cuda-abc-aaaa{number}")
        end(pod, exit_code=1)
        pod["status"]["containerStatuses"][0]["state"]["terminated"]["finishedAt"] = stamp(40 - 10 * number)
        pod["metadata"]["creationTimestamp"] = stamp(60)
        await world.cluster.create(pod)
    await until(lambda: len(world.cluster.deleted) == 2)
    await cycles(world, 3)
    assert sorted(world.cluster.deleted) == ["cuda-abc-aaaa0", "cuda-abc-aaaa1"]


async def test_an_evicted_pod_that_never_ran_is_told_with_kubernetes_reason(world: World) -> None:
    world.run()
    pod = await a_registered_pod(world)
    pod["status"] |= {"phase": "Failed", "reason": "Evicted", "message": "low on ephemeral storage"}
    pod["status"]["containerStatuses"] = []
    await world.cluster.put(pod)
    await until(lambda: contract.RUNNER_FAILED in world.cluster.reasons())
    assert "Evicted" in event(world, contract.RUNNER_FAILED)["message"]
    await until(lambda: world.gitea.removed == [1])


async def test_a_pod_that_is_deleted_while_it_waits_for_its_registration_has_not_failed(world: World) -> None:
    """As those that an autoscaler takes back before their turn came."""
    world.run()
    pod = runner_pod(NAME)
    await world.cluster.create(pod)
    pod["metadata"]["deletionTimestamp"] = stamp()
    pod["status"]["phase"] = "Failed"  # by its init container, which the kubelet has ended
    await world.cluster.put(pod)
    await until(lambda: contract.RUNNER_LEFT in world.cluster.reasons())
    assert event(world, contract.RUNNER_LEFT)["message"] == "its pod was deleted before the runner began"
    assert contract.RUNNER_FAILED not in world.cluster.reasons()


@pytest.mark.parametrize("failing", [429, 500])
async def test_while_the_forge_is_unknown_nothing_is_changed_and_it_is_said(world: World, failing: int) -> None:
    world.run()
    pod = await an_online_pod(world)
    world.gitea.failing = failing
    pod["metadata"]["deletionTimestamp"] = stamp()
    await world.cluster.put(pod)
    await until(lambda: contract.FORGE_UNKNOWN in world.cluster.reasons())
    world.gitea.calls.clear()
    await cycles(world, 5)
    assert not [call for call in world.gitea.calls if not call.startswith("GET ")]
    assert len(world.gitea.calls) <= 2  # it backs off
    assert 'gpu_runners_forge_known{scope="mlops/guide"} 0.0' in world.metrics.render().decode()
    world.gitea.failing = None
    await until(lambda: world.gitea.removed == [1])


@pytest.mark.parametrize(
    "world",
    [{"deadlines": {"scheduleSeconds": 1, "pullSeconds": 1, "onlineSeconds": 1, "lostSeconds": 1, "ghostSeconds": 1}}],
    indirect=True,
)
class TestDeadlines:
    async def test_a_runner_that_never_comes_online_is_given_up(self, world: World) -> None:
        world.run()
        pod = await a_registered_pod(world)
        await world.cluster.put(start(pod))
        await until(lambda: world.gitea.removed == [1])
        await until(lambda: world.cluster.deleted == [NAME])
        await until(lambda: contract.NOT_ONLINE in world.cluster.reasons())
        second = runner_pod("cuda-abc-bbbbb")
        await world.cluster.create(second)
        status, _, body = await world.register(second)
        assert status == 429
        assert "never came online" in body["message"]

    async def test_an_idle_runner_whose_registration_is_gone_is_deleted(self, world: World) -> None:
        world.run()
        await an_online_pod(world)
        del world.gitea.runners[1]
        await until(lambda: world.cluster.deleted == [NAME])
        await until(lambda: contract.RUNNER_LOST in world.cluster.reasons())
        await cycles(world, 2)
        assert world.brakes.remembered == 0, "it had been online: nobody says that it never came"

    async def test_a_pod_that_fits_no_node_is_reported_and_left(self, world: World) -> None:
        world.run()
        pod = runner_pod()
        words = {"reason": "Unschedulable", "message": "0/3 nodes are available: 3 Insufficient nvidia.com/gpu"}
        pod["status"] = {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", **words}]}
        await world.cluster.create(pod)
        await until(lambda: contract.POOL_WAITING in world.cluster.reasons())
        assert "Insufficient nvidia.com/gpu" in event(world, contract.POOL_WAITING)["message"]
        assert world.cluster.deleted == []

    async def test_a_ghost_is_removed_and_a_strangers_runner_is_not(self, world: World) -> None:
        world.run()
        pod = await an_online_pod(world)
        await a_registered_pod(world, "cuda-abc-bbbbb")
        world.gitea.runners[9] = {**world.gitea.runners[2], "id": 9, "name": "office-abc-ccccc", "status": "offline"}
        world.gitea.runners[8] = {**world.gitea.runners[2], "id": 8, "name": "cuda-abc-ddddd", "status": "offline"}
        await until(lambda: world.gitea.removed == [8])
        assert set(world.gitea.runners) == {1, 2, 9}
        await until(lambda: contract.GHOST_REMOVED in world.cluster.reasons())
        assert event(world, contract.GHOST_REMOVED)["involvedObject"]["name"] == "cuda-abc-ddddd"
        assert gate(pod) == "True"


async def test_an_annotation_that_names_anothers_runner_does_not_end_it(world: World) -> None:
    """Ended, deleted or late: whatever becomes of the pod that claims it, the runner stays."""
    world.run()
    victim = await an_online_pod(world, "victim-abc-aaaaa")
    for number, change in enumerate((end_it, delete_it)):
        pod = runner_pod(f"cuda-abc-mall{number}")
        pod["metadata"]["annotations"][contract.RUNNER_ID_ANNOTATION] = str(runner_id(victim))
        await world.cluster.create(change(pod))
    await until(lambda: contract.RUNNER_FAILED in world.cluster.reasons())
    await cycles(world, 8)
    assert world.gitea.runners[runner_id(victim)]["disabled"] is False
    assert world.gitea.removed == []
    assert world.cluster.deleted == []


def end_it(pod: dict[str, Any]) -> dict[str, Any]:
    return end(pod, exit_code=1)


def delete_it(pod: dict[str, Any]) -> dict[str, Any]:
    start(pod)
    pod["metadata"]["deletionTimestamp"] = stamp()
    return pod


async def test_a_pod_that_bears_the_name_of_a_strangers_runner_does_not_end_it(world: World) -> None:
    world.run()
    labels = [{"id": 0, "name": "office", "type": "custom"}]
    world.gitea.runners[50] = {"id": 50, "name": "office", "status": "online", "busy": False, "disabled": False,
                               "ephemeral": False, "labels": labels}  # fmt: skip
    pod = end(runner_pod("office"), exit_code=1)
    pod["metadata"]["annotations"][contract.RUNNER_ID_ANNOTATION] = "50"
    await world.cluster.create(pod)
    await until(lambda: contract.RUNNER_FAILED in world.cluster.reasons())
    await cycles(world, 3)
    assert world.gitea.runners[50]["disabled"] is False


async def test_a_runner_id_of_thousands_of_digits_costs_its_own_pod_and_nobody_else(world: World) -> None:
    world.run()
    pod = runner_pod("mallory")
    pod["metadata"]["annotations"] |= {contract.RUNNER_ID_ANNOTATION: "9" * 4301, contract.BUSY_ANNOTATION: "../x"}
    await world.cluster.create(pod)
    await an_online_pod(world)
    assert world.store.knows("runners")


def grants(*scopes: str) -> dict[str, Any]:
    """A namespace for each scope, named after it."""
    return {
        "grants": [
            {"namespace": scope.partition("/")[2], "scope": scope, "serviceAccounts": ["runner"], "runnerGroup": None}
            for scope in scopes
        ]
    }


@pytest.mark.parametrize("world", [grants("mlops/runners", "mlops/slow")], indirect=True)
@pytest.mark.parametrize("trouble", ["slow", "broken"])
async def test_a_scope_in_trouble_costs_only_itself(world: World, trouble: str) -> None:
    world.gitea.slow = {"/mlops/slow/": FOR_EVER_SECONDS} if trouble == "slow" else {}
    world.gitea.broken = "/mlops/slow/" if trouble == "broken" else ""
    world.run()
    await world.cluster.create(start(runner_pod("slow-abc-aaaaa", namespace="slow")))
    pod = await an_online_pod(world)
    pod["metadata"]["deletionTimestamp"] = stamp()
    await world.cluster.put(pod)
    await until(lambda: world.gitea.runners[1]["disabled"])  # in less time than one answer about the other takes


@pytest.mark.parametrize("world", [{"pace": {"conclusion": 60.0}}], indirect=True)
async def test_a_result_that_does_not_come_holds_nobody_up(world: World) -> None:
    world.run()
    waiting = await an_online_pod(world, "cuda-abc-late0")
    world.gitea.job(7, runner_id=runner_id(waiting))
    await until(lambda: annotation(waiting, contract.BUSY_ANNOTATION) == "7")
    await world.cluster.put(end(waiting, exit_code=0))
    dead = await a_registered_pod(world, "base-abc-dead0")
    dead["metadata"]["labels"][contract.POOL_LABEL] = "base"
    await world.cluster.put(end(dead, exit_code=127))
    await until(lambda: contract.RUNNER_FAILED in world.cluster.reasons())
    assert event(world, contract.RUNNER_FAILED)["involvedObject"]["name"] == "base-abc-dead0"
    world.gitea.job(7, runner_id=runner_id(waiting), status="completed", conclusion="success")
    await until(lambda: contract.RUNNER_COMPLETED in world.cluster.reasons())
    assert world.cluster.reasons().count(contract.RUNNER_FAILED) == 1


@pytest.mark.parametrize(
    "world",
    [{"deadlines": {"scheduleSeconds": 9, "pullSeconds": 9, "onlineSeconds": 9, "lostSeconds": 1, "ghostSeconds": 1}}],
    indirect=True,
)
class TestAbandoned:
    async def test_a_latched_runner_whose_registration_and_job_are_gone_is_not_left_alone_for_ever(
        self, world: World
    ) -> None:
        world.run()
        pod = await an_online_pod(world)
        world.gitea.runners[1]["busy"] = True  # and no job: the forge has lost the assignment
        await until(lambda: annotation(pod, contract.BUSY_ANNOTATION) == contract.BUSY_WITH_UNKNOWN_JOB)
        del world.gitea.runners[1]
        await until(lambda: world.cluster.deleted == [NAME])
        assert world.cluster.graces == [None]
        await until(lambda: contract.RUNNER_LOST in world.cluster.reasons())

    @pytest.mark.parametrize("is_leaving", [False, True])
    async def test_a_runner_that_does_not_hear_that_its_job_was_cancelled_is_ended(
        self, world: World, *, is_leaving: bool
    ) -> None:
        world.run()
        pod = await an_online_pod(world)
        world.gitea.job(7, runner_id=1)
        await until(lambda: annotation(pod, contract.BUSY_ANNOTATION) == "7")
        if is_leaving:  # and may be for hours, as it waits for its job
            pod["metadata"] |= {"deletionTimestamp": stamp(-3600), "deletionGracePeriodSeconds": 3600}
            await world.cluster.put(pod)
        world.gitea.job(7, runner_id=1, status="completed", conclusion="cancelled")
        del world.gitea.runners[1]  # Gitea does this with the cancellation
        await until(lambda: world.cluster.deleted)
        assert world.cluster.graces[0] == ENDING_SECONDS
        await until(lambda: contract.RUNNER_LOST in world.cluster.reasons())

    async def test_a_latched_runner_whose_job_goes_on_is_left_alone_however_long_its_registration_is_gone(
        self, world: World
    ) -> None:
        world.run()
        pod = await an_online_pod(world)
        world.gitea.job(7, runner_id=1)
        await until(lambda: annotation(pod, contract.BUSY_ANNOTATION) == "7")
        del world.gitea.runners[1]
        await stays(lambda: world.cluster.deleted == [], 3.0)

    async def test_the_second_ghost_is_told_as_well(self, world: World) -> None:
        world.run()
        await an_online_pod(world)
        await a_registered_pod(world, "cuda-abc-bbbbb")
        for number, name in ((8, "cuda-abc-ddddd"), (9, "cuda-abc-fffff")):
            world.gitea.runners[number] = {
                **world.gitea.runners[2], "id": number, "name": name, "status": "offline", "disabled": False,
            }  # fmt: skip
        await until(lambda: sorted(world.gitea.removed) == [8, 9])
        await until(lambda: world.cluster.reasons().count(contract.GHOST_REMOVED) == 2)  # told after it was done
        told = [
            event["involvedObject"]["name"]
            for event in world.cluster.events
            if event["reason"] == contract.GHOST_REMOVED
        ]
        assert sorted(told) == ["cuda-abc-ddddd", "cuda-abc-fffff"]

    async def test_a_pod_that_nobody_thought_of_costs_only_itself_and_its_scope_goes_on(self, world: World) -> None:
        world.run()
        odd = await a_registered_pod(world, "cuda-abc-odd00")
        world.cluster.odd = {"cuda-abc-odd00"}
        world.gitea.come_online(runner_id(odd))
        await world.cluster.put(start(odd))
        other = await an_online_pod(world)
        world.gitea.runners[8] = {
            **world.gitea.runners[1], "id": 8, "name": "cuda-abc-ddddd", "status": "offline", "disabled": False
        }  # fmt: skip
        await until(lambda: world.gitea.removed == [8])
        assert (gate(odd), gate(other)) == (None, "True")

    async def test_a_registration_that_its_pod_does_not_have_is_a_ghost_though_it_bears_its_name(
        self, world: World
    ) -> None:
        world.run()
        pod = await an_online_pod(world)
        world.gitea.runners[8] = {**world.gitea.runners[1], "id": 8, "status": "offline", "disabled": False}
        await until(lambda: world.gitea.removed == [8])
        assert gate(pod) == "True"

    async def test_no_ghost_is_removed_while_its_namespace_cannot_be_listed(self, world: World) -> None:
        world.run()
        await an_online_pod(world)
        world.cluster.unreadable = {"runners"}  # a watch that is open goes on
        world.gitea.runners[8] = {**world.gitea.runners[1], "id": 8, "name": "cuda-abc-ddddd", "status": "offline"}
        await stays(lambda: not world.gitea.runners[8]["disabled"], 3.0)
        world.cluster.unreadable = set()
        await until(lambda: world.gitea.removed == [8])


async def test_runner_pods_are_counted_by_stage_and_whether_they_have_had_a_job(world: World) -> None:
    pods = {name: start(runner_pod(f"cuda-abc-{name}")) for name in ("idle0", "idle1", "busy0")}
    pods["busy0"]["metadata"]["annotations"][contract.BUSY_ANNOTATION] = "7"
    for pod in (*pods.values(), runner_pod("cuda-abc-new00")):
        await world.cluster.create(pod)
    world.follow()
    await until(lambda: len(world.store.pods()) == 4)
    world.loop._count(world.store.pods())
    new = {("false", "initializing"): 1.0}
    assert counted_runners(world) == new | {("false", "starting"): 2.0, ("true", "starting"): 1.0}
    for pod in pods.values():
        pod["status"]["conditions"].append({"type": contract.ONLINE_GATE, "status": "True"})
        await world.cluster.put(pod)
    await until(lambda: all(pod.gated for pod in world.store.pods() if pod.started))
    world.loop._count(world.store.pods())
    assert counted_runners(world) == new | {("false", "running"): 2.0, ("true", "running"): 1.0}


async def test_a_pool_is_shown_as_braked_while_it_is_and_no_longer(world: World) -> None:
    now = time.time()
    world.brakes.ended(ended_pod("a", at=now), Outcome(done=False, had_job=False, text=""), now)
    world.loop._count(())
    assert 'gpu_runners_braked_seconds{namespace="runners",pool="cuda"}' in world.metrics.render().decode()
    world.brakes.ended(ended_pod("b", at=now), Outcome(done=True, had_job=True, text=""), now)
    world.loop._count(())
    assert "gpu_runners_braked_seconds{" not in world.metrics.render().decode()


def counted_runners(world: World) -> dict[tuple[str, str], float]:
    """By `busy` and `stage`, of the pool runners/cuda."""
    lines = [line for line in world.metrics.render().decode().splitlines() if line.startswith("gpu_runners_runners{")]
    samples = [
        re.fullmatch(r'\w+{busy="(\w+)",namespace="runners",pool="cuda",stage="(\w+)"} (\S+)', it) for it in lines
    ]
    return {(sample[1], sample[2]): float(sample[3]) for sample in samples if sample}


async def test_an_exception_in_a_cycle_ends_no_loop(world: World) -> None:
    world.run()
    await an_online_pod(world)
    world.gitea.runners[1]["labels"] = 7  # no forge answers so
    await cycles(world, 2)
    world.gitea.runners[1]["labels"] = [{"id": 0, "name": "cml-gpu", "type": "custom"}]
    world.gitea.job(7, runner_id=1)
    await until(lambda: contract.JOB_STARTED in world.cluster.reasons())


async def test_a_cycle_that_fails_is_followed_by_the_next(world: World) -> None:
    world.follow()
    await until(lambda: world.store.knows("runners"))
    failing = iter([True, True])

    def clock() -> float:
        if next(failing, False):
            raise RuntimeError("a fault that nobody thought of")
        return time.time()

    loop = Loop(world.service.parts, clock=clock)
    world.tasks.append(asyncio.create_task(loop.run()))
    await an_online_pod(world)


async def test_cycles_that_fail_one_after_the_other_are_no_busier_than_those_with_nothing_to_do(world: World) -> None:
    def clock() -> float:
        raise RuntimeError("a fault that nobody thought of")

    world.follow()
    await until(lambda: world.store.knows("runners"))
    world.tasks.append(asyncio.create_task(Loop(world.service.parts, clock=clock).run()))
    await cycles(world, 1)
    began = time.monotonic()
    await cycles(world, 3)
    assert time.monotonic() - began > 2 * world.forge.pace.idle


async def test_a_burst_of_changes_is_looked_at_once_it_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registrar.loop.COALESCE_SECONDS", 3600.0)  # so that it is never over here
    pace = Pace(burst=3600.0, active=3600.0, idle=3600.0, census=3600.0)
    async with open_world(tmp_path, "gitea", pace) as world:
        world.run()
        await until(lambda: world.store.knows("runners"))
        await until(lambda: JOBS in world.gitea.calls)
        looks = world.gitea.calls.count(JOBS)
        for number in range(5):
            await a_registered_pod(world, f"cuda-abc-0000{number}")
            await until(lambda number=number: len(world.store.pods()) == number + 1)  # type: ignore[misc]
        assert world.gitea.calls.count(JOBS) == looks


async def test_a_runners_end_waits_for_no_other_events(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.run()
    pod = await an_online_pod(world)
    world.gitea.job(7, runner_id=1)
    await until(lambda: annotation(pod, contract.BUSY_ANNOTATION) == "7")
    await cycles(world, 3)  # nothing that has happened is still to be looked at
    monkeypatch.setattr("registrar.loop.COALESCE_SECONDS", 3600.0)
    world.gitea.job(7, runner_id=1, status="completed", conclusion="success")
    del world.gitea.runners[1]
    await world.cluster.put(end(pod, exit_code=0))
    await until(lambda: world.cluster.deleted == [NAME])


async def test_the_next_look_is_the_sooner_the_more_may_happen(world: World) -> None:
    pace, pod = world.forge.pace, runner_pod()
    (scope,) = world.loop._scopes.values()
    world.follow()
    await until(lambda: world.store.knows("runners"))
    assert world.loop._interval(scope) == pace.idle
    await world.cluster.create(pod)
    await until(world.store.pods)
    assert world.loop._interval(scope) == pace.active
    await world.cluster.put(start(pod))
    await until(lambda: world.store.pods()[0].started)
    assert world.loop._interval(scope) == pace.burst, "it is online within a moment"
    later = Loop(world.service.parts, clock=lambda: time.time() + 60)
    assert later._interval(scope) == pace.active, "or something is wrong"


@pytest.mark.parametrize(
    "world",
    [
        {
            "grants": [
                {"namespace": name, "scope": "mlops/guide", "serviceAccounts": ["runner"], "runnerGroup": None}
                for name in ("runners", "unreadable")
            ]
        }
    ],
    indirect=True,
)
async def test_what_is_about_pods_that_are_gone_is_forgotten_though_another_namespace_cannot_be_read(
    world: World,
) -> None:
    world.cluster.unreadable = {"unreadable"}
    world.run()
    for number in range(5):
        pod = await a_registered_pod(world, f"cuda-abc-0000{number}")
        world.gitea.job(number + 1, runner_id=runner_id(pod), status="completed", conclusion="success")
        await world.cluster.put(end(pod, exit_code=0))
    await until(lambda: len(world.cluster.deleted) == 5)
    await until(lambda: world.service.remembered() == 0)


async def test_a_loop_that_ends_leaves_nothing_behind_that_asks_on(world: World) -> None:
    """Neither who looks for a result nor who follows a lost job: their forge is closed after it."""
    world.run()
    for number, name in ((1, NAME), (2, "cuda-abc-bbbbb")):
        pod = await an_online_pod(world, name)
        world.gitea.job(6 + number, runner_id=number, runner_name=name)
        await until(lambda pod=pod: annotation(pod, contract.BUSY_ANNOTATION))  # type: ignore[misc]
        world.gitea.broken = "/actions/jobs/8"  # what became of the second one is not told
        await world.cluster.put(end(pod, exit_code=137))
    await until(lambda: beside_the_cycles() == {"LostJobs", "Results"})
    *_, loop = world.tasks
    loop.cancel()
    await asyncio.wait([loop])
    assert beside_the_cycles() == set()


def beside_the_cycles() -> set[str]:
    """The parts of which a task goes on."""
    names = {str(getattr(task.get_coro(), "__qualname__", "")).partition(".")[0] for task in asyncio.all_tasks()}
    return names & {"Results", "LostJobs"}


async def test_it_sees_off_the_idle_runners_that_leave_with_it(world: World) -> None:
    world.run()
    pod = await an_online_pod(world)
    pod["metadata"]["deletionTimestamp"] = stamp()
    await world.cluster.put(pod)
    seeing_off = asyncio.create_task(world.loop.see_off())
    await until(lambda: world.gitea.removed == [1])
    assert not seeing_off.done()
    await world.cluster.vanish("runners", NAME)
    await seeing_off


async def test_it_waits_for_no_runner_that_works(world: World) -> None:
    pod = start(runner_pod())
    pod["metadata"] |= {"deletionTimestamp": stamp()}
    pod["metadata"]["annotations"] |= {contract.RUNNER_ID_ANNOTATION: "1", contract.BUSY_ANNOTATION: "7"}
    await world.cluster.create(pod)
    world.follow()
    await until(world.store.pods)
    now = iter(range(0, 1000, 3))
    await Loop(world.service.parts, clock=lambda: float(next(now))).see_off()
    assert next(now) <= 9, "seconds: its job goes on without the registrar, and its pod may take hours"


async def test_a_label_that_job_code_declared_anew_is_reported_as_drift(world: World) -> None:
    world.run()
    pod = await an_online_pod(world)
    world.gitea.runners[1]["labels"] = [{"id": 0, "name": "deploy", "type": "custom"}]
    await until(lambda: "RegistrationDrift" in world.cluster.reasons())
    assert "deploy" in event(world, "RegistrationDrift")["message"]
    assert pod["metadata"]["name"] not in world.cluster.deleted


async def test_a_registrar_that_starts_anew_repeats_nothing_and_forgets_nothing(world: World) -> None:
    pod = start(runner_pod(), seconds_ago=100)
    pod["metadata"]["annotations"] |= {contract.RUNNER_ID_ANNOTATION: "5", contract.BUSY_ANNOTATION: "7"}
    pod["status"]["conditions"].append({"type": contract.ONLINE_GATE, "status": "True"})
    await world.cluster.create(pod)
    failed = end(runner_pod("cuda-abc-bbbbb"), exit_code=127)
    await world.cluster.create(failed)
    world.run()
    await until(lambda: contract.RUNNER_FAILED in world.cluster.reasons())
    await cycles(world, 3)
    assert world.cluster.deleted == []
    assert not [call for call in world.gitea.calls if not call.startswith("GET ")]
    waiting = runner_pod("cuda-abc-ccccc")
    await world.cluster.create(waiting)
    assert (await world.register(waiting))[0] == 429  # the brake came back from the kept failed pod


async def test_a_runner_that_lasts_ends_the_memory_of_those_that_died_before_it(world: World) -> None:
    for number in range(5):  # five in a row: who tries next makes all others wait for 80 s
        failed = end(runner_pod(f"cuda-abc-dead{number}"), exit_code=127)
        ended = 300 - 20 * number
        failed["status"]["containerStatuses"][0]["state"]["terminated"] |= {
            "startedAt": stamp(ended + 1), "finishedAt": stamp(ended)
        }  # fmt: skip
        failed["metadata"]["creationTimestamp"] = stamp(ended + 2)
        await world.cluster.create(failed)
    world.run()
    await until(lambda: world.cluster.reasons().count(contract.RUNNER_FAILED) == 5)
    first, second = runner_pod("cuda-abc-ccccc"), runner_pod("cuda-abc-ddddd")
    await world.cluster.create(first)
    await world.cluster.create(second)
    assert [(await world.register(pod))[0] for pod in (first, second)] == [200, 429], "one pod at a time tries again"
    lasting = start(runner_pod(), seconds_ago=100)
    lasting["status"]["conditions"].append({"type": contract.ONLINE_GATE, "status": "True"})
    await world.cluster.create(lasting)
    await cycles(world, 2)
    assert (await world.register(second))[0] == 200


async def test_each_thing_is_told_once_however_often_the_loop_looks(world: World) -> None:
    world.run()
    await world.cluster.create(end(runner_pod(), exit_code=1))
    await until(lambda: contract.RUNNER_FAILED in world.cluster.reasons())
    before = len(world.cluster.requests)
    await cycles(world, 5)
    assert [path for _, path in world.cluster.requests[before:] if "events" in path] == []


@pytest.mark.parametrize(
    "world",
    [
        {
            "grants": [
                {"namespace": name, "scope": "mlops/guide", "serviceAccounts": ["runner"], "runnerGroup": None}
                for name in ("runners", "others")
            ]
        }
    ],
    indirect=True,
)
async def test_two_grants_of_one_scope_are_looked_after_together(world: World) -> None:
    world.run()
    first = await a_registered_pod(world)
    second = await a_registered_pod(world, namespace="others")  # a namesake in the other namespace
    for pod in (first, second):
        world.gitea.come_online(runner_id(pod))
        await world.cluster.put(start(pod))
    await until(lambda: gate(first) == gate(second) == "True")
    world.gitea.job(7, runner_id=runner_id(second))
    await until(lambda: annotation(second, contract.BUSY_ANNOTATION) == "7")
    assert annotation(first, contract.BUSY_ANNOTATION) is None


async def test_the_loop_survives_an_api_server_that_restarts(world: World) -> None:
    world.run()
    pod = await a_registered_pod(world)
    world.cluster.away = True
    world.cluster.break_watches()
    await until(lambda: not world.store.knows("runners"))
    world.gitea.come_online(1)
    start(pod)
    world.cluster.away = False
    await until(lambda: gate(pod) == "True")


@pytest.mark.parametrize("world", [{"census": 60}], indirect=True)
async def test_what_nobody_uses_is_asked_for_seldom(world: World) -> None:
    world.run()
    await until(lambda: world.gitea.calls)
    await cycles(world, 2)
    world.gitea.calls.clear()
    began = time.monotonic()
    await cycles(world, 5)
    assert world.gitea.calls == []
    assert time.monotonic() - began > 3 * world.forge.pace.idle, "a change that was looked at wakes nobody once more"


async def test_a_change_in_the_middle_of_a_look_is_looked_at_after_it(tmp_path: Path) -> None:
    pace = Pace(burst=3600.0, active=3600.0, idle=3600.0, census=3600.0)
    async with open_world(tmp_path, "gitea", pace) as world:
        world.gitea.slow = {"/actions/runners": 1.0}  # time enough for a change; a slower machine's comes after it
        world.run()
        await until(lambda: any(call.endswith("/actions/runners") for call in world.gitea.calls))
        await world.cluster.create(end(runner_pod(), exit_code=127))
        await until(world.store.pods)
        world.gitea.slow = {}
        await until(lambda: contract.RUNNER_FAILED in world.cluster.reasons())
