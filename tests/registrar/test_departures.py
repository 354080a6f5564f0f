"""Pods that are gone at once, between a stand-in cluster and the stand-in for GitHub: their jobs show as cancelled."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from registrar import departures, lost_jobs
from registrar.forges.forge import ForgeUnreachableError
from registrar.losses import Loss
from registrar.lost_jobs import LostJobs
from registrar.pods import RunnerPod
from tests.github.arranged import job
from tests.registrar.conftest import World, open_world, settings_document, stays, until
from tests.registrar.stand_in_cluster import end, stamp
from tests.registrar.test_github_loop import FAST, NAME, an_online_pod, runner_id
from values import contract

GRANT: dict[str, Any] = settings_document()["grants"][0]
WHY = (
    f"The runner {NAME} was ended before its job was over: its pod was deleted, and did not get the time that the job "
    "needed. It reported the job as cancelled."
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_jobs, "LONGEST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(departures, "FIRST_PAUSE_SECONDS", 0.05)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, "github", FAST, grants=[{**GRANT, "rerunLostJobs": True}]) as it:
        yield it


async def a_busy_pod(world: World) -> dict[str, Any]:
    world.run()
    pod = await an_online_pod(world)
    world.github.run(1, job(5, runner_id=runner_id(pod)))
    await until(lambda: pod["metadata"]["annotations"].get(contract.BUSY_ANNOTATION) == "5")
    await until(lambda: any(seen.busy == "5" for seen in world.store.pods()))
    return pod


def conclude(world: World, pod: dict[str, Any], conclusion: str = "cancelled") -> None:
    """As its runner reports it; GitHub removes the runner with that."""
    world.github.run(1, job(5, runner_id=runner_id(pod), status="completed", conclusion=conclusion))
    world.github.world.job(5).ended = world.github.world.clock.now()
    world.github.runners.pop(runner_id(pod), None)


async def taken_away(world: World, pod: dict[str, Any]) -> None:
    """As the kubelet does when a deleted pod's containers have ended: a last deletion that leaves no time."""
    pod["metadata"] |= {"deletionTimestamp": stamp(0), "deletionGracePeriodSeconds": 0}
    await world.cluster.put(pod)
    await world.cluster.put(pod, "DELETED")


def comments(world: World) -> list[str]:
    return [comment.body for comment in world.github.world.repository("mlops/guide").comments]


async def nobody_is_told(world: World) -> None:
    """The Event comes as soon as a job counts as lost."""
    await stays(lambda: contract.JOB_LOST not in world.cluster.reasons() and comments(world) == [], 1.0)


async def test_people_read_why_the_job_of_a_pod_that_was_deleted_by_force_is_cancelled_and_it_is_not_run_again(
    world: World,
) -> None:
    pod = await a_busy_pod(world)
    await world.cluster.vanish("runners", NAME)
    await stays(lambda: comments(world) == [], 0.3)  # its runner has not reported yet
    conclude(world, pod)
    await until(lambda: comments(world))
    link = "[Job 5](/mlops/guide/actions/runs/1/job/5)"
    assert comments(world) == [
        f"<!-- gpu-runners: lost job 5 -->\n{link} was lost. {WHY} {lost_jobs.ASKS_WHO_CANCELLED}"
    ]
    await stays(lambda: len(comments(world)) == 1 and not any("/rerun" in call for call in world.github.calls), 1.0)
    assert contract.JOB_LOST in world.cluster.reasons()


async def test_so_they_do_where_the_watch_missed_how_it_went(world: World) -> None:
    pod = await a_busy_pod(world)
    world.cluster.silent = True
    await world.cluster.vanish("runners", NAME)
    world.cluster.silent = False
    world.cluster.break_watches(forget_history=True)
    conclude(world, pod)
    await until(lambda: comments(world))


async def test_so_they_do_where_a_deleted_pods_time_was_over(world: World) -> None:
    pod = await a_busy_pod(world)
    pod["metadata"]["deletionTimestamp"], pod["metadata"]["deletionGracePeriodSeconds"] = stamp(-1), 30
    await world.cluster.put(pod)
    end(pod, exit_code=0)["status"]["containerStatuses"][0]["state"]["terminated"]["finishedAt"] = stamp(-1)
    await taken_away(world, pod)
    conclude(world, pod)
    await until(lambda: comments(world))


async def test_nobody_is_told_of_a_job_that_a_person_cancels(world: World) -> None:
    pod = await a_busy_pod(world)
    conclude(world, pod)
    await world.cluster.put(end(pod, exit_code=0))
    await until(lambda: not world.cluster.pods)
    await nobody_is_told(world)


async def test_nobody_is_told_of_a_job_that_a_person_cancels_while_its_deleted_pod_waits_for_it(world: World) -> None:
    pod = await a_busy_pod(world)
    pod["metadata"]["deletionTimestamp"], pod["metadata"]["deletionGracePeriodSeconds"] = stamp(-3600), 3600
    await world.cluster.put(pod)
    conclude(world, pod)
    await taken_away(world, end(pod, exit_code=0))
    await nobody_is_told(world)


@pytest.mark.parametrize("conclusion", ["success", "failure"])
async def test_nobody_is_told_of_a_job_that_came_to_its_own_end(world: World, conclusion: str) -> None:
    pod = await a_busy_pod(world)
    await world.cluster.vanish("runners", NAME)
    conclude(world, pod, conclusion)
    await until(lambda: not world.loop.remembered)
    await nobody_is_told(world)


async def test_a_younger_namesake_of_another_namespace_has_lost_nothing(tmp_path: Path) -> None:
    grants = [{**GRANT, "namespace": name} for name in ("runners", "others")]
    async with open_world(tmp_path, "github", FAST, grants=grants) as world:
        pod = await a_busy_pod(world)
        claims = {**pod["metadata"], "namespace": "others", "uid": "another", "creationTimestamp": stamp()}
        await world.cluster.create({**pod, "metadata": claims})
        await until(lambda: len(world.store.pods()) == 2)
        await world.cluster.vanish("others", NAME)
        conclude(world, pod)
        await world.cluster.put(end(pod, exit_code=0))
        await nobody_is_told(world)


async def test_of_two_namesakes_that_are_gone_together_the_elder_has_lost_the_job(tmp_path: Path) -> None:
    grants = [{**GRANT, "namespace": name} for name in ("others", "runners")]
    async with open_world(tmp_path, "github", FAST, grants=grants) as world:
        pod = await a_busy_pod(world)
        claims = {**pod["metadata"], "namespace": "others", "uid": "another", "creationTimestamp": stamp()}
        await world.cluster.create({**pod, "metadata": claims})
        await until(lambda: len(world.store.pods()) == 2)
        conclude(world, pod)
        for namespace in ("others", "runners"):  # one look sees both, as changes that come in a burst are seen together
            await world.cluster.vanish(namespace, NAME)
        await until(lambda: comments(world))
        lost = [event for event in world.cluster.events if event["reason"] == contract.JOB_LOST]
        assert [event["involvedObject"]["namespace"] for event in lost] == ["runners"]


async def test_a_forge_that_does_not_answer_is_asked_again_and_an_odd_answer_ends_nothing(world: World) -> None:
    pod = await a_busy_pod(world)
    (seen,) = world.store.pods()
    world.tasks.pop().cancel()  # the loop, so that what follows is asked for here alone
    conclude(world, pod)
    answers: list[Exception] = [ForgeUnreachableError("away", retry_after=0.0), RuntimeError("odd")]
    lost = Kept(world.forge, world.settings.scopes[0], world.service.announcer, world.metrics)
    departed = departures.Departures(Failing(world.forge, answers), world.settings.scopes[0], lost)  # type: ignore[arg-type]
    departed.follow(seen)
    departed.follow(seen)
    assert departed.followed == 1
    await until(lambda: not departed.followed)
    assert answers == []
    assert [loss.job_id for loss in lost.kept] == ["5"]


async def test_no_more_pods_are_followed_than_fit_and_none_without_a_job(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departures, "MOST_FOLLOWED", 2)
    await a_busy_pod(world)
    (seen,) = world.store.pods()
    lost = Kept(world.forge, world.settings.scopes[0], world.service.announcer, world.metrics)
    departed = departures.Departures(world.forge, world.settings.scopes[0], lost)
    for pod in (replace(seen, busy=None), replace(seen, runner_id=None)):
        departed.follow(pod)
    assert departed.followed == 0
    for number in range(3):
        departed.follow(replace(seen, uid=f"{number}"))
    assert departed.followed == 2
    await departed.close()


class Kept(LostJobs):
    """Keeps what it is given."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.kept: list[Loss] = []

    def follow(self, loss: Loss, subject: Any) -> None:
        assert isinstance(subject, RunnerPod)
        self.kept.append(loss)


class Failing:
    """A forge that fails in these ways before it answers."""

    def __init__(self, forge: Any, failures: list[Exception]) -> None:
        self._forge, self._failures, self.pace = forge, failures, forge.pace

    async def result(self, *about: Any, **more: Any) -> Any:
        if self._failures:
            raise self._failures.pop(0)
        return await self._forge.result(*about, **more)
