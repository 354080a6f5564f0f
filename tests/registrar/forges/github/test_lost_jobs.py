"""What is written at GitHub about a lost job, and how one is run again."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from registrar.forges.forge import Again, ForgeRefusedError, Job
from tests.github.arranged import PERMISSIONS, job
from tests.registrar.forges.github.bench import Bench, github_bench
from values.scope import Scope

GUIDE, ORGANIZATION = Scope("mlops/guide"), Scope("mlops")
WHY = "The runner cuda-1 was killed. It is run again, once."
BODY = f"<!-- gpu-runners: lost job 5 -->\n[Job 5](/mlops/guide/actions/runs/1/job/5) was lost. {WHY}"
COMMENTS = f"POST /repos/mlops/guide/commits/{40 * '0'}/comments"
RERUN = "POST /repos/mlops/guide/actions/jobs/5/rerun"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with github_bench(tmp_path) as it:
        yield it


async def lost(bench: Bench, scope: Scope = GUIDE, *, conclusion: str = "failure", others: str = "completed") -> Job:
    other = {**job(6, runner_id=4, status=others), "name": "other"}
    bench.stand_in.run(1, job(5, runner_id=3, status="completed", conclusion=conclusion), other)
    found = await bench.forge.job(scope, "5" if scope.is_repository else "guide/5")
    assert found is not None
    return found


def bodies(bench: Bench) -> list[str]:
    return [comment.body for comment in bench.stand_in.world.repository("mlops/guide").comments]


@pytest.mark.parametrize("scope", [GUIDE, ORGANIZATION])
async def test_it_is_written_on_the_commit_of_the_run_once(bench: Bench, scope: Scope) -> None:
    it = await lost(bench, scope)
    await bench.forge.explain(scope, it, WHY)
    await bench.forge.explain(scope, it, WHY)
    assert bodies(bench) == [BODY]
    assert bench.stand_in.calls.count(COMMENTS) == 1


async def test_a_second_job_of_a_commit_has_a_comment_of_its_own(bench: Bench) -> None:
    await bench.forge.explain(GUIDE, await lost(bench), WHY)
    bench.stand_in.run(2, job(55, runner_id=3, status="completed", conclusion="failure"))
    other = await bench.forge.job(GUIDE, "55")
    assert other is not None
    await bench.forge.explain(GUIDE, other, WHY)
    assert [body.splitlines()[0] for body in bodies(bench)] == [
        "<!-- gpu-runners: lost job 5 -->",
        "<!-- gpu-runners: lost job 55 -->",
    ]


async def test_nothing_is_written_before_github_has_concluded_the_job(bench: Bench) -> None:
    bench.stand_in.run(1, job(5, runner_id=3))
    running = await bench.forge.job(GUIDE, "5")
    assert running is not None
    await bench.forge.explain(GUIDE, running, WHY)
    assert bodies(bench) == []


async def test_a_lost_job_of_a_run_that_is_over_is_run_again(bench: Bench) -> None:
    it = await lost(bench)
    assert await bench.forge.run_again(GUIDE, it) is Again.STARTED
    assert [queued.attempt for queued in await bench.forge.queued(GUIDE)] == [2]


async def test_a_run_that_was_run_again_is_left_alone(bench: Bench) -> None:
    it = await lost(bench)
    bench.stand_in.world.runs[1].attempt = 2
    assert await bench.forge.run_again(GUIDE, it) is Again.NEVER
    assert RERUN not in bench.stand_in.calls


async def test_a_run_whose_other_jobs_go_on_has_to_be_waited_for(bench: Bench) -> None:
    it = await lost(bench, others="in_progress")
    assert await bench.forge.run_again(GUIDE, it) is Again.NOT_YET
    assert RERUN not in bench.stand_in.calls


async def test_a_run_that_was_deleted_is_not_run_again(bench: Bench) -> None:
    it = await lost(bench)
    bench.stand_in.world.runs.clear()
    assert await bench.forge.run_again(GUIDE, it) is Again.NEVER


async def test_an_app_that_may_only_read_actions_runs_nothing_again_and_is_told_the_cure(tmp_path: Path) -> None:
    async with github_bench(tmp_path, app=True) as bench:
        it = await lost(bench)
        with pytest.raises(ForgeRefusedError, match=r"actions.write"):
            await bench.forge.run_again(GUIDE, it)


async def test_the_right_to_run_jobs_again_is_asked_for_where_that_is_wanted_and_nowhere_else(tmp_path: Path) -> None:
    async with github_bench(tmp_path, app=True, reruns=(GUIDE,)) as bench:
        bench.stand_in.uninstall()
        bench.stand_in.install("mlops", {**PERMISSIONS, "actions": "write"})
        await bench.forge.list_runners(ORGANIZATION)
        assert await bench.forge.run_again(GUIDE, await lost(bench)) is Again.STARTED
        levels = {
            len(asked.get("repositories", [])): asked["permissions"]["actions"] for asked in bench.stand_in.minted
        }
        assert levels == {0: "read", 1: "write"}


async def test_a_commit_that_is_gone_is_a_refusal_and_no_comment(bench: Bench) -> None:
    it = await lost(bench)
    bench.stand_in.world.repository("mlops/guide").branches.clear()
    bench.stand_in.world.runs.clear()
    with pytest.raises(ForgeRefusedError, match="No commit found"):
        await bench.forge.explain(GUIDE, it, WHY)


async def test_it_is_found_behind_the_words_of_forty_others(bench: Bench) -> None:
    it = await lost(bench)
    await bench.forge.explain(GUIDE, it, WHY)
    comments = bench.stand_in.world.repository("mlops/guide").comments
    (ours,) = comments
    comments[:0] = [replace(ours, id=ours.id + 1 + number, body="looks good") for number in range(40)]
    await bench.forge.explain(GUIDE, it, WHY)
    assert bodies(bench).count(BODY) == 1
