"""A runner is killed between a stand-in cluster and the stand-in for GitHub: it is told, and its job run again once."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from registrar import lost_jobs
from tests.github.arranged import job
from tests.registrar.conftest import World, open_world, settings_document, stays, until
from tests.registrar.stand_in_cluster import end
from tests.registrar.test_github_loop import FAST, NAME, an_online_pod, runner_id
from values import contract

GRANT: dict[str, Any] = settings_document()["grants"][0]
RERUN = "POST /repos/mlops/guide/actions/jobs/5/rerun"
PATIENT = replace(FAST, conclusion=60.0)  # GitHub may conclude a job late, and is waited for


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_jobs, "LONGEST_PAUSE_SECONDS", 0.1)


@pytest.fixture(params=[FAST, PATIENT], ids=["told before the end", "told after the end"])
async def world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    changes: dict[str, Any] = {"grants": [{**GRANT, "rerunLostJobs": True}]}
    async with open_world(tmp_path, "github", request.param, **changes) as it:
        yield it


async def a_killed_runner(world: World) -> None:
    """With a job in its hands."""
    world.run()
    pod = await an_online_pod(world)
    world.github.run(1, job(5, runner_id=runner_id(pod)))
    await until(lambda: pod["metadata"]["annotations"].get(contract.BUSY_ANNOTATION) == "5")
    await world.cluster.put(end(pod, exit_code=137))


def ten_minutes_pass(world: World) -> None:
    """After which GitHub gives a job up of whose runner it has not heard."""
    world.github.world.clock.skew += 600.0
    world.github.world.job(5).locked_until = 0.0


def comments(world: World) -> list[str]:
    return [comment.body for comment in world.github.world.repository("mlops/guide").comments]


async def test_it_is_told_when_github_gives_the_job_up_and_run_again_once(world: World) -> None:
    await a_killed_runner(world)
    await stays(lambda: comments(world) == [] and RERUN not in world.github.calls, 1.0)
    ten_minutes_pass(world)
    await until(lambda: contract.JOB_RUN_AGAIN in world.cluster.reasons())
    await stays(lambda: world.github.calls.count(RERUN) == 1, 1.0)
    why = f"The runner {NAME} ended before it could report the result: it was killed (exit code 137)."
    link = "[Job 5](/mlops/guide/actions/runs/1/job/5)"
    assert comments(world) == [f"<!-- gpu-runners: lost job 5 -->\n{link} was lost. {why} {lost_jobs.WILL_RUN_AGAIN}"]
    (again,) = world.github.world.jobs()
    assert (again.status, again.attempt) == ("queued", 2)


async def test_a_job_whose_conclusion_is_only_late_is_left_alone(world: World) -> None:
    await a_killed_runner(world)
    lost = world.github.world.job(5)
    lost.status, lost.conclusion, lost.ended = "completed", "success", world.github.world.clock.now()
    await stays(lambda: comments(world) == [] and RERUN not in world.github.calls, 3.0)


async def test_of_two_lost_jobs_of_one_run_people_are_told_that_the_second_is_not_run_again(world: World) -> None:
    await a_killed_runner(world)
    world.github.world.runs[1].attempt = 2  # the other one's turn came first
    ten_minutes_pass(world)
    await until(lambda: contract.JOB_NOT_RUN_AGAIN in world.cluster.reasons())
    assert RERUN not in world.github.calls
