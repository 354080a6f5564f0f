"""Lost jobs between a stand-in cluster and a stand-in Gitea: people are told why, and a job is run again once."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from registrar import loop, lost_jobs
from registrar.actions import Ghost
from registrar.forges.forge import Forge, Job, Pace
from registrar.losses import Loss
from registrar.lost_jobs import LostJobs
from tests.registrar.at_once import AtOnce
from tests.registrar.conftest import World, open_world, settings_document, stays, until
from tests.registrar.stand_in_cluster import end
from tests.registrar.test_loop import NAME, an_online_pod, annotation
from values import contract
from values.scope import Scope

CONTEXT = "lab / train-7 (push)"
KILLED = f"The runner {NAME} ended before it could report the result: it was killed (exit code 137)."
SILENT = f"The runner {NAME} was not heard of any more: its pod, its node or its network is gone."
RERUN = "POST /api/v1/repos/mlops/guide/actions/runs/1/jobs/7/rerun"
GRANT: dict[str, Any] = settings_document()["grants"][0]
RERUNS: dict[str, Any] = {"grants": [{**GRANT, "rerunLostJobs": True}]}
IMPATIENT = {"deadlines": {**settings_document()["deadlines"], "lostSeconds": 1}}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_jobs, "LONGEST_PAUSE_SECONDS", 0.1)


async def a_busy_pod(world: World) -> dict[str, Any]:
    world.run()
    pod = await an_online_pod(world)
    world.gitea.run(1)
    world.gitea.job(7, runner_id=1, runner_name=NAME)
    world.gitea.write_status(7, "pending", "Has started running")
    await until(lambda: annotation(pod, contract.BUSY_ANNOTATION) == "7")
    return pod


def conclude(world: World, conclusion: str = "failure") -> None:
    """As Gitea does with a job of which it has not heard for ten minutes."""
    world.gitea.job(7, runner_id=1, status="completed", conclusion=conclusion, completed_at="2126-01-01T00:00:00Z")
    world.gitea.runs[1]["status"] = "completed"
    world.gitea.write_status(7, "failure", "Failing after 10m0s")


def told(world: World) -> tuple[str, str]:
    return world.gitea.shown_statuses()[CONTEXT]


async def test_a_killed_runner_is_told_beside_its_job_at_once_and_again_when_gitea_ends_the_job(world: World) -> None:
    pod = await a_busy_pod(world)
    await world.cluster.put(end(pod, exit_code=137))
    await until(lambda: told(world) == ("pending", f"{KILLED} {lost_jobs.ASKS_TO_RUN_AGAIN}"))
    assert contract.JOB_LOST in world.cluster.reasons()
    conclude(world)
    await until(lambda: told(world) == ("failure", f"{KILLED} {lost_jobs.ASKS_TO_RUN_AGAIN}"))
    assert len(world.gitea.statuses) == 4
    await stays(lambda: len(world.gitea.statuses) == 4, 1.0)
    assert RERUN not in world.gitea.calls


@pytest.mark.parametrize("world", [{"keepFailed": 0}], indirect=True)
async def test_the_pod_of_a_lost_job_stays_until_all_is_done(world: World) -> None:
    pod = await a_busy_pod(world)
    await world.cluster.put(end(pod, exit_code=137))
    await until(lambda: told(world)[1].startswith(KILLED))
    await stays(lambda: world.cluster.deleted == [], 0.5)
    conclude(world)
    await until(lambda: world.cluster.deleted == [NAME])


@pytest.mark.parametrize("world", [RERUNS], indirect=True)
async def test_a_lost_job_is_run_again_once_where_its_environment_wants_that(world: World) -> None:
    pod = await a_busy_pod(world)
    await world.cluster.put(end(pod, exit_code=137))
    await until(lambda: told(world) == ("pending", f"{KILLED} {lost_jobs.WILL_RUN_AGAIN}"))
    await stays(lambda: RERUN not in world.gitea.calls, 0.5)  # as it is still running, for all that Gitea knows
    conclude(world)
    await until(lambda: contract.JOB_RUN_AGAIN in world.cluster.reasons())
    await stays(lambda: world.gitea.calls.count(RERUN) == 1, 1.0)
    assert world.gitea.jobs[0]["status"] == "queued"


@pytest.mark.parametrize("world", [RERUNS], indirect=True)
async def test_a_job_waits_for_the_other_jobs_of_its_run(world: World) -> None:
    pod = await a_busy_pod(world)
    await world.cluster.put(end(pod, exit_code=137))
    await until(lambda: told(world)[1].startswith(KILLED))
    world.gitea.job(8, runner_id=99, runner_name="other")
    conclude(world)
    world.gitea.runs[1]["status"] = "in_progress"
    await until(lambda: told(world)[0] == "failure")
    await stays(lambda: RERUN not in world.gitea.calls, 0.5)
    world.gitea.job(8, runner_id=99, status="completed", conclusion="success")
    world.gitea.runs[1]["status"] = "completed"
    await until(lambda: contract.JOB_RUN_AGAIN in world.cluster.reasons())


@pytest.mark.parametrize("world", [RERUNS], indirect=True)
@pytest.mark.parametrize("conclusion", ["cancelled", "success"])
async def test_what_was_cancelled_or_ended_well_is_not_run_again(world: World, conclusion: str) -> None:
    pod = await a_busy_pod(world)
    await world.cluster.put(end(pod, exit_code=137))
    await until(lambda: told(world)[1].startswith(KILLED))
    conclude(world, conclusion)
    await stays(lambda: RERUN not in world.gitea.calls, 1.0)


@pytest.mark.parametrize("world", [RERUNS], indirect=True)
async def test_a_job_that_is_lost_a_second_time_is_told_and_not_run_again(world: World) -> None:
    pod = await a_busy_pod(world)
    world.gitea.job(7, runner_id=1, runner_name=NAME, run_attempt=2)
    await world.cluster.put(end(pod, exit_code=137))
    await until(lambda: told(world) == ("pending", f"{KILLED} {lost_jobs.ALREADY_RUN_AGAIN}"))
    world.gitea.job(
        7, runner_id=1, status="completed", conclusion="failure", run_attempt=2, completed_at="2126-01-01T00:00:00Z"
    )
    world.gitea.runs[1]["status"] = "completed"
    await until(lambda: told(world)[0] == "failure")
    await stays(lambda: RERUN not in world.gitea.calls, 0.5)


@pytest.mark.parametrize("world", [RERUNS], indirect=True)
async def test_a_job_that_somebody_has_run_again_is_left_alone(world: World) -> None:
    pod = await a_busy_pod(world)
    await world.cluster.put(end(pod, exit_code=137))
    await until(lambda: told(world)[1].startswith(KILLED))
    world.gitea.job(7, status="queued")
    world.gitea.runs[1]["status"] = "in_progress"
    await until(lambda: world.gitea.calls[-30:].count("GET /api/v1/repos/mlops/guide/actions/jobs/7") == 0)
    assert RERUN not in world.gitea.calls


async def test_a_loss_that_was_found_as_its_pod_was_taken_away_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What became of the job was known and the pod gone before the next cycle, which may be seconds at a slow forge."""
    pod = await a_busy_pod(world)
    conclude(world)
    world.gitea.jobs[0]["runner_name"] = NAME
    monkeypatch.setattr(loop, "COALESCE_SECONDS", 1.0)
    found = asyncio.Event()
    ended = world.loop._parts.accounting.ended

    def heard(*outcome: Any) -> None:
        ended(*outcome)
        found.set()

    monkeypatch.setattr(world.loop._parts.accounting, "ended", heard)
    await world.cluster.put(end(pod, exit_code=137))
    await until(found.is_set)
    await world.cluster.vanish("runners", NAME)
    await until(lambda: contract.JOB_LOST in world.cluster.reasons())
    await until(lambda: told(world) == ("failure", f"{KILLED} {lost_jobs.ASKS_TO_RUN_AGAIN}"))


async def test_a_job_that_fails_while_its_runner_lives_is_nobodys_loss(world: World) -> None:
    pod = await a_busy_pod(world)
    world.gitea.job(
        7, runner_id=1, runner_name=NAME, status="completed", conclusion="failure", completed_at="2020-01-01T00:00:00Z"
    )
    world.gitea.write_status(7, "failure", "Failing after 10s")
    await world.cluster.put(end(pod, exit_code=0))
    await until(lambda: contract.RUNNER_COMPLETED in world.cluster.reasons())
    await stays(lambda: told(world) == ("failure", "Failing after 10s"), 0.5)
    assert contract.JOB_LOST not in world.cluster.reasons()


@pytest.mark.parametrize("world", [IMPATIENT], indirect=True)
async def test_a_runner_whose_pod_vanished_is_told_as_soon_as_it_is_silent_for_too_long(world: World) -> None:
    await a_busy_pod(world)
    await world.cluster.vanish("runners", NAME)
    await stays(lambda: told(world) == ("pending", "Has started running"), 0.3)
    world.gitea.runners[1]["status"] = "offline"
    await until(lambda: told(world) == ("pending", f"{SILENT} {lost_jobs.ASKS_TO_RUN_AGAIN}"))
    conclude(world)
    await until(lambda: told(world)[0] == "failure" and told(world)[1].startswith(SILENT))


@pytest.mark.parametrize("world", [{**RERUNS, **IMPATIENT}], indirect=True)
async def test_a_silent_runner_that_comes_back_keeps_its_job(world: World) -> None:
    await a_busy_pod(world)
    world.gitea.runners[1]["status"] = "offline"
    await until(lambda: told(world)[1].startswith(SILENT))
    world.gitea.runners[1]["status"] = "online"
    await stays(lambda: RERUN not in world.gitea.calls, 1.0)
    conclude(world)
    await stays(lambda: RERUN not in world.gitea.calls and told(world)[1] == "Failing after 10m0s", 1.0)


@pytest.mark.parametrize("world", [IMPATIENT], indirect=True)
async def test_somebody_elses_silent_runner_is_none_of_ours(world: World) -> None:
    await a_busy_pod(world)
    runner = {**world.gitea.runners[1], "id": 50, "name": "somebody-else-x", "status": "offline"}
    world.gitea.runners[50] = runner
    world.gitea.job(9, runner_id=50, runner_name="somebody-else-x")
    world.gitea.write_status(9, "pending", "Has started running")
    await stays(lambda: world.gitea.shown_statuses()["lab / train-9 (push)"][1] == "Has started running", 2.0)
    assert contract.JOB_LOST not in world.cluster.reasons()


async def test_a_job_for_which_gitea_writes_no_status_gets_a_warning_of_its_own(world: World) -> None:
    pod = await a_busy_pod(world)
    world.gitea.statuses.clear()
    await world.cluster.put(end(pod, exit_code=137))
    await until(lambda: world.gitea.statuses)
    (status,) = world.gitea.statuses
    assert (status["status"], status["context"]) == ("warning", "gpu-runners / lost job 7")
    await stays(lambda: len(world.gitea.statuses) == 1, 0.5)


async def test_a_forge_that_lets_nobody_write_costs_the_words_there_and_people_see_it_at_the_pod(world: World) -> None:
    pod = await a_busy_pod(world)
    world.gitea.refused = "/statuses/"
    await world.cluster.put(end(pod, exit_code=137))
    await until(lambda: any("cannot be written" in event["message"] for event in world.cluster.events))
    assert sum("/statuses/" in call for call in world.gitea.calls) < 20


async def test_after_a_restart_nothing_is_written_twice_and_the_job_is_still_run_again(tmp_path: Path) -> None:
    pace = Pace(burst=0.05, active=0.1, idle=0.2, census=0.3)
    async with open_world(tmp_path, "gitea", pace, **RERUNS) as first:
        pod = await a_busy_pod(first)
        await first.cluster.put(end(pod, exit_code=137))
        await until(lambda: told(first)[1].startswith(KILLED))
        gitea, cluster = first.gitea, first.cluster
    async with open_world(tmp_path, "gitea", pace, stand_ins=(cluster, gitea), **RERUNS) as second:
        written = len(gitea.statuses)
        second.run()
        await stays(lambda: len(gitea.statuses) == written, 1.0)
        conclude(second)
        await until(lambda: contract.JOB_RUN_AGAIN in cluster.reasons())
        await stays(lambda: gitea.calls.count(RERUN) == 1, 0.5)


async def test_a_forge_that_is_away_when_a_job_is_lost_is_told_as_soon_as_it_answers(world: World) -> None:
    pod = await a_busy_pod(world)
    await world.cluster.put(end(pod, exit_code=137))
    await until(lambda: contract.JOB_LOST in world.cluster.reasons())
    world.gitea.failing = 502
    before = len(world.gitea.calls)
    await until(lambda: sum("/actions/jobs/7" in call for call in world.gitea.calls[before:]) >= 2)
    world.gitea.failing = None
    conclude(world)
    await until(lambda: told(world) == ("failure", f"{KILLED} {lost_jobs.ASKS_TO_RUN_AGAIN}"))


@pytest.mark.parametrize("world", [RERUNS], indirect=True)
async def test_a_forge_that_does_not_let_us_run_a_job_again_is_told_and_not_asked_for_ever(world: World) -> None:
    pod = await a_busy_pod(world)
    world.gitea.refused = "/rerun"
    await world.cluster.put(end(pod, exit_code=137))
    await until(lambda: told(world)[1].startswith(KILLED))
    conclude(world)
    await until(lambda: contract.JOB_NOT_RUN_AGAIN in world.cluster.reasons())
    assert 'gpu_runners_lost_jobs_total{result="not run again"} 1.0' in world.metrics.render().decode()
    await stays(lambda: world.gitea.calls.count(RERUN) == 1, 0.5)


async def test_of_jobs_that_are_over_only_the_last_are_remembered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_jobs, "MOST_REMEMBERED", 2)
    (scope,) = world.settings.scopes
    followed = LostJobs(world.forge, scope, world.service.announcer, world.metrics, first_pause_seconds=0.01)
    losses = [
        Loss(job_id=f"{number}", runner_id=number, runner_name=NAME, namespace="runners", why="", is_certain=True)
        for number in (1, 2, 3)
    ]
    for loss in losses:  # the forge knows of none of them
        followed.follow(loss, Ghost(namespace="runners", name=NAME))
        await until(lambda loss=loss: not followed.holds(loss))  # type: ignore[misc]
    assert [followed.holds(loss) for loss in losses] == [True, False, False]
    await followed.close()


class Slow:
    """The part of a forge that tells jobs, none of which it has."""

    def __init__(self) -> None:
        self.at_once = AtOnce()

    async def job(self, scope: Scope, job_id: str) -> Job | None:
        with self.at_once:
            await asyncio.sleep(0.1)
        return None


async def test_of_hundreds_of_lost_jobs_some_are_followed_and_few_asked_for_at_once_and_the_rest_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a whole zone of nodes is gone."""
    monkeypatch.setattr(lost_jobs, "MOST_FOLLOWED", 6)
    (scope,), forge = world.settings.scopes, Slow()
    followed = LostJobs(
        cast("Forge", forge), scope, world.service.announcer, world.metrics, first_pause_seconds=0.01
    )  # fmt: skip
    losses = [
        Loss(job_id=f"{number}", runner_id=number, runner_name=NAME, namespace="runners", why="", is_certain=True)
        for number in range(1, 11)
    ]

    def notice() -> bool:
        for loss in losses:  # as each cycle does
            followed.follow(loss, Ghost(namespace="runners", name=NAME))
        return not any(map(followed.holds, losses))

    assert not notice()
    await asyncio.sleep(0)
    assert 'gpu_runners_lost_jobs_total{result="lost"} 6.0' in world.metrics.render().decode()
    await until(notice)
    assert forge.at_once.most == lost_jobs.AT_ONCE
    await followed.close()
