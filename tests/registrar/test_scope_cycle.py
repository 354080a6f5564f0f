"""One look at a scope after another, with a clock of the test's own: what waits for which of them."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from registrar.forges.github.pace import PACE
from registrar.outcomes import Outcome
from registrar.scope_cycle import ScopeCycle
from registrar.situation import SETTLE_SECONDS
from registrar.treatments import AT_ONCE
from tests.registrar.conftest import World, look, open_world, until
from tests.registrar.stand_in_cluster import end, runner_pod, stamp, start
from values import contract


async def test_a_runner_is_removed_by_the_first_look_after_its_cordon_has_settled(world: World) -> None:
    pod = runner_pod()
    await world.cluster.create(pod)
    assert (await world.register(pod))[0] == 200
    world.gitea.come_online(1)
    start(pod)["metadata"]["deletionTimestamp"] = stamp()
    await world.cluster.put(pod)
    world.follow()
    await until(lambda: any(pod.deleting and pod.runner_id for pod in world.store.pods()))
    now = 1000.0
    parts = world.service.parts
    (scope,) = parts.settings.scopes
    cycle = ScopeCycle(parts, scope, time.time, elapsed=lambda: now)
    await look(cycle)
    assert world.gitea.runners[1]["disabled"]
    now += SETTLE_SECONDS - 0.1
    await look(cycle)
    assert world.gitea.removed == [], "a job that was being handed out at that moment is not known yet"
    now += 0.1
    await look(cycle)
    assert world.gitea.removed == [1], "counted from the forge's answer to the cordon, not from the look after it"
    await cycle.close()


@pytest.mark.parametrize(("done", "asked"), [(True, []), (False, ["GET", "DELETE"])])
async def test_a_result_that_comes_in_the_middle_of_a_look_is_acted_upon_by_what_is_asked_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: bool, asked: list[str]
) -> None:
    async with open_world(tmp_path, "github", replace(PACE, census=60.0)) as world:
        document: dict[str, Any] = runner_pod()
        await world.cluster.create(document)
        assert (await world.register(document))[0] == 200
        (number,) = world.github.runners
        world.github.come_online(number)
        await world.cluster.put(start(document))
        world.follow()
        await until(lambda: any(pod.runner_id for pod in world.store.pods()))
        (scope,) = world.service.parts.settings.scopes
        cycle = ScopeCycle(world.service.parts, scope, time.time)
        await look(cycle)  # which lists the runner
        await world.cluster.put(end(document, exit_code=0))
        await until(lambda: any(pod.ended for pod in world.store.pods()))
        (pod,) = world.store.pods()
        outcome, outcomes = Outcome(done=done, had_job=done, text="it ended"), dict[str, Outcome]()
        monkeypatch.setattr(cycle._results, "ask", lambda pods: outcomes.update({pod.uid: outcome}))
        monkeypatch.setattr(cycle._results, "outcome", lambda pod: outcomes.get(pod.uid))
        world.github.calls.clear()
        for _ in range(2):
            await look(cycle)
        calls = [call.partition(" ")[0] for call in world.github.calls if call.endswith(f"/runners/{number}")]
        assert calls == asked
        assert world.cluster.deleted == ([pod.name] if done else []), "one that failed is kept"
        await cycle.close()


async def one_after_another(world: World, pod: dict[str, Any]) -> tuple[ScopeCycle, list[float]]:
    """A cycle that the test runs itself, with seconds of its own by which the forge is watched; the pod is online."""
    await world.cluster.create(pod)
    assert (await world.register(pod))[0] == 200
    world.gitea.come_online(1)
    await world.cluster.put(start(pod))
    world.follow()
    await until(lambda: any(known.runner_id and known.started for known in world.store.pods()))
    now, parts = [1000.0], world.service.parts
    (scope,) = parts.settings.scopes
    cycle = ScopeCycle(parts, scope, time.time, elapsed=lambda: now[0])
    await look(cycle)
    return cycle, now


async def test_no_ghost_is_cordoned_while_the_forge_does_not_tell_its_jobs(world: World) -> None:
    """A runner without a pod may have one: its node is cut off from the cluster, and not from the forge."""
    cycle, now = await one_after_another(world, runner_pod())
    ghost = {**world.gitea.runners[1], "id": 8, "name": "cuda-abc-ddddd", "status": "offline"}
    world.gitea.runners[8] = ghost
    ghost_seconds = world.settings.deadlines.ghost_seconds
    for _ in range(3):
        now[0] += ghost_seconds
        await look(cycle)
        world.gitea.broken = "/actions/jobs"
    assert not ghost["disabled"]
    world.gitea.broken = ""
    now[0] += ghost_seconds
    await look(cycle)
    assert ghost["disabled"], "it waited for nothing else"
    await cycle.close()


async def test_how_long_a_runner_was_not_seen_is_forgotten_with_its_pod(world: World) -> None:
    pod = runner_pod()
    cycle, now = await one_after_another(world, pod)
    del world.gitea.runners[1]
    for _ in range(3):  # the list lacks it, a look-up confirms that, and time passes
        now[0] += 5
        await look(cycle)
    assert cycle._watch.unseen_seconds(1) > 0
    await world.cluster.vanish("runners", pod["metadata"]["name"])
    await until(lambda: not world.store.pods())
    now[0] += 60
    await look(cycle)
    assert cycle._watch.unseen_seconds(1) == 0, "the forge lists it no more, and nobody has it"
    await cycle.close()


async def test_a_runner_with_a_job_that_the_list_lacks_is_counted_as_absent_from_the_next_look_on(world: World) -> None:
    cycle, now = await one_after_another(world, runner_pod())
    world.gitea.job(7, runner_id=1)
    await look(cycle)
    await until(lambda: any(pod.busy == "7" for pod in world.store.pods()))
    del world.gitea.runners[1]
    world.gitea.job(7, runner_id=1, status="completed", conclusion="cancelled")
    now[0] += 5
    await look(cycle)  # the list lacks it
    world.gitea.calls.clear()
    for _ in range(2):
        now[0] += 0.1  # less than from one list to the next
        await look(cycle)
    assert world.gitea.calls.count("GET /api/v1/repos/mlops/guide/actions/runners/1") == 1, "once, as it is left alone"
    assert cycle._watch.unseen_seconds(1) == pytest.approx(0.1)
    await cycle.close()


async def test_a_failed_pod_that_was_kept_is_forgotten_once_it_is_gone(world: World) -> None:
    pod = runner_pod()
    cycle, now = await one_after_another(world, pod)
    del world.gitea.runners[1]
    await world.cluster.put(end(pod, exit_code=1))
    await until(lambda: any(known.ended for known in world.store.pods()))
    for _ in range(3):
        now[0] += 5
        await look(cycle)
        await until(lambda: not any(map(is_looked_up, asyncio.all_tasks())))
    uid = pod["metadata"]["uid"]
    assert cycle._closed == cycle._gone == {uid}, "kept for its logs, and nothing of it is left at the forge"
    await world.cluster.vanish("runners", pod["metadata"]["name"])
    await until(lambda: not world.store.pods())
    await look(cycle)
    assert (cycle._closed, cycle._gone) == (set(), set())
    await cycle.close()


def is_looked_up(task: "asyncio.Task[Any]") -> bool:
    """Whether a result is looked up beside the cycles."""
    return "Results._find" in repr(task)


async def test_few_pods_are_treated_at_once(world: World) -> None:
    """Each treatment is some requests, and an API server has others to serve."""
    for number in range(3 * AT_ONCE):
        pod = runner_pod(f"cuda-abc-{number:05}")
        pod["metadata"]["annotations"][contract.BUSY_ANNOTATION] = "7"  # for which its gate is owed
        await world.cluster.create(start(pod))
    world.follow()
    await until(lambda: len(world.store.pods()) == 3 * AT_ONCE)
    (scope,) = world.settings.scopes
    cycle = ScopeCycle(world.service.parts, scope, time.time)
    await look(cycle)
    assert all(pod.gated for pod in world.store.pods())
    assert 1 < world.cluster.most_changing <= AT_ONCE
    await cycle.close()


async def test_a_runner_is_no_ghost_whose_pod_the_watch_has_not_told_yet(world: World) -> None:
    cycle, now = await one_after_another(world, runner_pod())
    for number, name in ((8, "cuda-abc-ddddd"), (9, "cuda-abc-eeeee")):
        world.gitea.runners[number] = {**world.gitea.runners[1], "id": number, "name": name, "status": "offline"}
    world.cluster.silent = True
    await world.cluster.create(runner_pod("cuda-abc-ddddd"))
    for _ in range(3):
        now[0] += world.settings.deadlines.ghost_seconds
        await look(cycle)
    assert [world.gitea.runners[number]["disabled"] for number in (8, 9)] == [False, True]
    await cycle.close()


async def test_no_jobs_decide_about_a_leaving_pod_that_may_have_been_read_before_it_left(world: World) -> None:
    """Kubernetes writes whole seconds: in the one after its mark nobody knows which of both came first."""
    pod = start(runner_pod())
    pod["metadata"]["deletionTimestamp"] = stamp()
    await world.cluster.create(pod)
    world.follow()
    await until(world.store.pods)
    (leaving,) = world.store.pods()
    (scope,) = world.service.parts.settings.scopes
    now = leaving.since
    cycle = ScopeCycle(world.service.parts, scope, lambda: now)
    now += 0.9
    assert cycle._jobs_age([leaving]) < 0, "not even what is read at this moment"
    now += 1.1
    assert cycle._jobs_age([leaving]) == pytest.approx(1.0)
    await cycle.close()
