"""Which jobs wait and work at GitHub, and what it costs to know it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab.github.limits import Limits
from registrar.forges.github.active_runs import PAGES_AT_ONCE, ActiveRuns, workflow_file
from registrar.forges.github.forge import GitHub
from registrar.forges.github.groups import KEEP_SECONDS
from registrar.forges.github.jobs import RECENT_RUNS, REPOSITORIES_AT_ONCE
from registrar.forges.github.left_runs import MOST_LEFT, LeftRuns
from tests.github.arranged import job
from tests.registrar.conftest import PATIENCE_SECONDS
from tests.registrar.forges.github.bench import Bench, github_bench
from values.contract import GITHUB_MOST_REPOSITORIES
from values.scope import Scope

GUIDE, ORGANIZATION = Scope("mlops/guide"), Scope("mlops")
DEFAULT = {"id": 1, "name": "Default", "default": True, "visibility": "all", "allows_public_repositories": False}
GROUP = {"id": 7, "name": "gpu", "default": False, "visibility": "selected", "allows_public_repositories": False}
RUNS = "GET /repos/mlops/guide/actions/runs"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with github_bench(tmp_path) as it:
        yield it


async def numbers(forge: GitHub, scope: Scope = GUIDE) -> list[str]:
    return sorted(queued.id for queued in await forge.queued(scope))


def ended(bench: Bench, first: int, last: int) -> None:
    for number in range(first, last + 1):
        bench.stand_in.run(number, job(number, status="completed"))


async def test_one_page_of_a_repository_tells_what_goes_on(bench: Bench) -> None:
    bench.stand_in.run(1, job(5, status="queued"), job(6, runner_id=3))
    bench.stand_in.run(2, job(7, status="completed"))
    assert await numbers(bench.forge) == ["5"]
    assert [call for call in bench.stand_in.calls if call == RUNS] == [RUNS]


async def test_a_run_that_waits_for_an_approval_may_have_jobs_that_wait_for_a_runner(bench: Bench) -> None:
    bench.stand_in.run(1, job(5, status="waiting"), job(6, status="queued"), job(7, status="pending"))
    bench.stand_in.run(2, job(8, status="pending"))
    bench.stand_in.run(3, job(9, status="requested"))
    assert await numbers(bench.forge) == ["6"]


async def test_a_job_that_was_cancelled_waits_no_more_and_one_that_is_run_again_does(bench: Bench) -> None:
    bench.stand_in.run(1, job(5, status="queued"))
    assert await numbers(bench.forge) == ["5"]
    bench.stand_in.run(1, job(5, status="completed", conclusion="cancelled"))
    assert await numbers(bench.forge) == []
    bench.stand_in.run(1, job(6, status="queued"), attempt=2)
    assert await numbers(bench.forge) == ["6"]


async def test_a_long_run_is_known_on_behind_a_hundred_newer_ones_and_forgotten_at_its_end(bench: Bench) -> None:
    bench.stand_in.run(1, job(1000, runner_id=3))
    ended(bench, 2, 60)
    (running,) = await bench.forge.jobs_in_progress(GUIDE)
    ended(bench, 61, 140)
    assert await bench.forge.jobs_in_progress(GUIDE) == (running,)
    bench.stand_in.run(1, job(1000, runner_id=3, status="completed", conclusion="success"))
    assert await bench.forge.jobs_in_progress(GUIDE) == ()


async def test_what_lies_behind_the_first_page_is_looked_for_by_status_after_a_start(bench: Bench) -> None:
    bench.stand_in.run(1, job(1000, status="queued"))
    ended(bench, 2, 140)
    assert await numbers(bench.forge) == ["1000"]
    before = len(bench.stand_in.calls)
    assert await numbers(bench.forge) == ["1000"]
    assert bench.stand_in.calls[before:].count(RUNS) == 1


async def test_a_run_of_old_that_is_run_again_is_found_within_a_minute(bench: Bench) -> None:
    clock = [0.0]
    active = ActiveRuns(bench.forge._session, clock=lambda: clock[0])
    ended(bench, 1, 140)
    assert await active.read(GUIDE, GUIDE) == []
    bench.stand_in.run(1, job(1000, status="queued"), attempt=2)
    assert await active.read(GUIDE, GUIDE) == []
    clock[0] = 60.0
    assert [run["id"] for run in await active.read(GUIDE, GUIDE)] == [1]


async def test_a_run_that_begins_or_ends_counts_once_and_lists_of_older_runs_do_not_count_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registrar.forges.github.active_runs.PAGE_SIZE", 10)
    monkeypatch.setattr("registrar.forges.github.active_runs.NEW_RUNS", 3)
    clock = [0.0]
    active = ActiveRuns(bench.forge._session, clock=lambda: clock[0])
    noon = 1_800_000_000.0
    for number in range(1, 15):
        bench.stand_in.run(number, job(number, status="completed"), made=noon + number)

    async def look() -> tuple[list[int], int]:
        before = bench.stand_in.spent
        clock[0] += 60
        runs = [run["id"] for run in await active.read(GUIDE, GUIDE)]
        return runs, bench.stand_in.spent - before

    assert await look() == ([], 1 + 3), "the page is of 5 to 14, the lists are of those up to 8"
    for number in range(15, 18):
        bench.stand_in.run(number, job(number, runner_id=number), made=noon + number)
        assert await look() == ([number], 1)
        bench.stand_in.run(number, job(number, runner_id=number, status="completed"))
        assert await look() == ([], 1)
    bench.stand_in.run(7, job(7, status="queued"), attempt=2)
    assert await look() == ([7], 1), "it is behind the page and in a list"
    bench.stand_in.run(8, job(8, status="queued"), attempt=2)
    assert await look() == ([7, 8], 2), "it is on the page, and in the same list"
    for number in range(18, 20):
        bench.stand_in.run(number, job(number, status="completed"), made=noon + number)
    assert await look() == ([7, 8], 1 + 3), "not all that came after 8 is on the page: the lists are of those up to 13"


async def test_a_hundred_new_runs_between_two_looks_hide_nothing(bench: Bench) -> None:
    ended(bench, 1, 110)
    assert await numbers(bench.forge) == []
    bench.stand_in.run(111, job(1000, status="queued"))
    ended(bench, 112, 240)
    assert await numbers(bench.forge) == ["1000"]


async def test_twenty_repositories_are_read_side_by_side(tmp_path: Path) -> None:
    async with github_bench(tmp_path, group="gpu") as bench:
        bench.stand_in.meter.limits = Limits()
        names = [f"mlops/r{number}" for number in range(20)]
        bench.stand_in.hold_groups(GROUP)
        bench.stand_in.hold_repositories(*names)
        for number, name in enumerate(names, 1):
            bench.stand_in.run(number, job(number, status="queued"), repository=name)
        bench.stand_in.crowds = {
            "/actions/runs": asyncio.Barrier(PAGES_AT_ONCE), "/jobs": asyncio.Barrier(REPOSITORIES_AT_ONCE)
        }  # fmt: skip
        async with asyncio.timeout(PATIENCE_SECONDS):  # for ever, where one waits for another's answer
            assert len(await bench.forge.queued(ORGANIZATION)) == 20
        assert PAGES_AT_ONCE >= 8  # four rounds, which is within two seconds at 150 ms an answer
        assert REPOSITORIES_AT_ONCE >= 20


async def test_a_job_tells_which_of_the_granted_groups_serve_its_repository_and_workflow(tmp_path: Path) -> None:
    async with github_bench(tmp_path, group="gpu") as bench:
        workflow = "mlops/guide/.github/workflows/train.yml@refs/heads/main"
        restricted = {**GROUP, "restricted_to_workflows": True, "selected_workflows": [workflow]}
        bench.stand_in.hold_groups(restricted)
        bench.stand_in.hold_repositories("mlops/guide", "mlops/other")
        bench.stand_in.run(1, job(1, status="queued"), repository="mlops/guide")
        bench.stand_in.run(2, job(2, status="queued"), repository="mlops/guide", file="other.yml")
        bench.stand_in.run(3, job(3, status="queued"), repository="mlops/other")
        groups = {queued.id: queued.groups for queued in await bench.forge.queued(ORGANIZATION)}
        assert groups == {"guide/1": {"gpu"}, "guide/2": frozenset(), "other/3": frozenset()}


async def test_a_group_for_selected_repositories_serves_those_and_one_for_all_serves_each(tmp_path: Path) -> None:
    async with github_bench(tmp_path, more_groups=("gpu",)) as bench:
        bench.stand_in.world.add_repository("mlops/other")
        bench.stand_in.hold_groups(DEFAULT, GROUP)
        selected = bench.stand_in.world.repository("mlops/guide")
        bench.stand_in.world.groups[7].repositories = [selected.id]
        bench.stand_in.run(1, job(1, status="queued"), repository="mlops/guide")
        bench.stand_in.run(2, job(2, status="queued"), repository="mlops/other")
        groups = {queued.id: queued.groups for queued in await bench.forge.queued(ORGANIZATION)}
        assert groups == {"guide/1": {None, "gpu"}, "other/2": {None}}


async def test_repositories_that_are_looked_at_no_more_are_forgotten(tmp_path: Path) -> None:
    """Of a thousand of an organization the last that were pushed to are looked at, which are others every day."""
    async with github_bench(tmp_path, group="gpu") as bench:
        bench.stand_in.hold_groups(GROUP)
        now, looks, days = [0.0], bench.forge._jobs, 5
        looks._groups._clock = lambda: now[0]
        for day in range(days):
            bench.stand_in.hold_repositories("mlops/guide", f"mlops/of-day-{day}")
            now[0] += KEEP_SECONDS + 1
            await bench.forge.queued(ORGANIZATION)
        await bench.forge.queued(GUIDE)
        assert looks._active.remembered == 2


async def test_that_jobs_of_some_repositories_are_not_seen_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with github_bench(tmp_path) as bench:
        bench.stand_in.hold_groups(DEFAULT)
        now, groups = [0.0], bench.forge._jobs._groups
        groups._clock = lambda: now[0]
        names = [f"mlops/r{number}" for number in range(GITHUB_MOST_REPOSITORIES + 1)]
        for told, held in ((0, names[1:]), (1, names), (1, names), (1, names[1:]), (2, names)):
            bench.stand_in.hold_repositories(*held)
            now[0] += KEEP_SECONDS + 1
            assert len(await groups.repositories(ORGANIZATION)) == GITHUB_MOST_REPOSITORIES
            assert caplog.text.count("jobs of some repositories are not seen") == told


async def test_a_repositorys_jobs_have_no_groups(bench: Bench) -> None:
    bench.stand_in.run(1, job(5, status="queued"))
    (queued,) = await bench.forge.queued(GUIDE)
    assert queued.groups is None


def asked_for_jobs(bench: Bench) -> int:
    """How many lists of a run's jobs were asked for since the last question."""
    asked = sum(call.startswith("GET /repos") and call.endswith("/jobs") for call in bench.stand_in.calls)
    bench.stand_in.calls.clear()
    return asked


def turn_clock(bench: Bench) -> list[float]:
    now = [1000.0]
    bench.forge._jobs._clock = lambda: now[0]
    return now


async def test_many_runs_are_read_again_at_three_a_second_and_few_every_fifteen_seconds(bench: Bench) -> None:
    now = turn_clock(bench)
    for number in range(1, 61):
        bench.stand_in.run(number, job(1000 + number, status="queued"))
    while len(await bench.forge.queued(GUIDE)) < 60:
        pass
    assert asked_for_jobs(bench) == 60
    now[0] += 16
    assert len(await bench.forge.queued(GUIDE)) == 60
    assert asked_for_jobs(bench) == 0
    now[0] += 5
    await bench.forge.queued(GUIDE)
    assert asked_for_jobs(bench) > 0
    for number in range(2, 61):
        bench.stand_in.run(number, job(1000 + number, status="completed"))
    while len(await bench.forge.queued(GUIDE)) > 1:
        pass
    bench.stand_in.calls.clear()
    now[0] += 16
    await bench.forge.queued(GUIDE)
    assert asked_for_jobs(bench) == 1


async def six_at_work(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Runners, each with the one job of a run; the runs are read, which is good for 20 seconds as if they were many."""
    monkeypatch.setattr("registrar.forges.github.run_jobs.RUNS_A_SECOND", 0.3)
    bench.stand_in.add_runners(f"r{number}" for number in range(6))
    runners = list(bench.stand_in.runners)
    for number, runner_id in enumerate(runners, 1):
        bench.stand_in.run(number, job(1000 + number, runner_id=runner_id))
    while len(await bench.forge.jobs_in_progress(GUIDE)) < 6:
        pass
    return runners


async def test_runs_whose_runners_are_at_work_by_the_list_of_runners_are_not_read_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = turn_clock(bench)
    runners = await six_at_work(bench, monkeypatch)
    assert asked_for_jobs(bench) == 6
    now[0] += 21
    await bench.forge.list_runners(GUIDE)
    assert len(await bench.forge.jobs_in_progress(GUIDE)) == 6
    assert asked_for_jobs(bench) == 0
    ended = bench.stand_in.world.job(1005)
    bench.stand_in.world.runs[5].jobs.append(replace(ended, id=1007))
    ended.status, ended.conclusion = "completed", "success"  # and the run's own time does not move
    del bench.stand_in.runners[runners[4]]
    now[0] += 21
    await bench.forge.list_runners(GUIDE)
    assert {it.id for it in await bench.forge.jobs_in_progress(GUIDE)} == {
        "1001",
        "1002",
        "1003",
        "1004",
        "1006",
        "1007",
    }
    assert asked_for_jobs(bench) == 1


async def test_a_new_token_of_an_app_costs_lists_and_not_the_jobs_of_each_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with github_bench(tmp_path, app=True) as bench:
        now = turn_clock(bench)
        await six_at_work(bench, monkeypatch)
        now[0] += 21
        bench.forge._session._credential._tokens.clear()  # type: ignore[attr-defined]
        before = bench.stand_in.spent
        await bench.forge.list_runners(GUIDE)
        assert len(await bench.forge.jobs_in_progress(GUIDE)) == 6
        assert bench.stand_in.spent - before == 2 + 2, "the installation and its token, runners and runs"


async def test_jobs_are_put_together_anew_where_one_of_them_has_changed_and_only_there(bench: Bench) -> None:
    now = turn_clock(bench)
    for number in range(1, 4):
        bench.stand_in.run(number, job(1000 + number, runner_id=number))
    first = await bench.forge.jobs_in_progress(GUIDE)
    assert len(first) == 3
    asked_for_jobs(bench)
    now[0] += 16
    assert await bench.forge.jobs_in_progress(GUIDE) is first
    assert asked_for_jobs(bench) == 3, "each run was read again"
    bench.stand_in.run(4, job(1004, runner_id=4))
    assert len(await bench.forge.jobs_in_progress(GUIDE)) == 4
    bench.stand_in.world.job(1002).runner = None
    now[0] += 16
    assert {job.runner_id for job in await bench.forge.jobs_in_progress(GUIDE)} == {1, None, 3, 4}
    bench.stand_in.run(3, job(1003, runner_id=3, status="completed"))
    assert {job.runner_id for job in await bench.forge.jobs_in_progress(GUIDE)} == {1, None, 4}


async def test_no_run_that_goes_on_is_forgotten_however_many_there_are(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registrar.forges.github.jobs.REMEMBERED_RUNS", 2)
    for number in range(1, 9):
        bench.stand_in.run(number, job(1000 + number, runner_id=number))
    ended(bench, 10, 19)
    assert len(await bench.forge.jobs_in_progress(GUIDE)) == 8
    assert await bench.forge.result(GUIDE, runner_id=999, job_id=None) is None  # the ended ones are read, too
    assert len(await bench.forge.jobs_in_progress(GUIDE)) == 8
    assert len(bench.forge._jobs._runs) <= 8 + 2


@pytest.mark.parametrize("newer", [RECENT_RUNS - 1, 2 * RECENT_RUNS])
async def test_a_job_that_ended_unseen_is_found_however_many_newer_runs_are_over(bench: Bench, newer: int) -> None:
    bench.stand_in.run(1, job(1000, status="queued"))
    for number in range(2, 2 + newer):
        bench.stand_in.run(number, job(number, status="queued"))
    assert len(await numbers(bench.forge)) == 1 + newer
    ended(bench, 2, 1 + newer)
    bench.stand_in.run(1, job(1000, runner_id=77, status="completed", conclusion="success"))
    found = await bench.forge.result(GUIDE, runner_id=77, job_id=None)
    assert found is not None
    assert (found.id, found.conclusion) == ("1000", "success")


async def test_a_run_that_went_on_a_moment_ago_is_read_once_for_runners_without_a_job(bench: Bench) -> None:
    for number in range(1, 2 * RECENT_RUNS + 1):
        bench.stand_in.run(number, job(number, status="queued"))
    await numbers(bench.forge)
    ended(bench, 1, 2 * RECENT_RUNS)
    assert await bench.forge.result(GUIDE, runner_id=998, job_id=None) is None
    before = len(bench.stand_in.calls)
    assert await bench.forge.result(GUIDE, runner_id=999, job_id=None) is None
    assert [call for call in bench.stand_in.calls[before:] if call.endswith("/jobs")] == []


async def test_of_runs_that_went_on_a_moment_ago_the_last_are_remembered() -> None:
    left, keys = LeftRuns(), [f"mlops/guide {number}" for number in range(2 * MOST_LEFT)]
    left.note(GUIDE, keys, ())
    assert [run["id"] for run in left.last(GUIDE, but=keys[-1:])] == list(range(MOST_LEFT, 2 * MOST_LEFT - 1))
    left.note(GUIDE, (), keys[:-1])  # run again
    assert left.last(GUIDE, but=()) == [{"id": 2 * MOST_LEFT - 1}]
    left.keep(())
    assert left.last(GUIDE, but=()) == []


async def test_of_runs_that_are_over_no_more_are_remembered_than_a_repository_may_be_asked_for(bench: Bench) -> None:
    bench.stand_in.run(1, job(5, runner_id=1))
    for first in range(RECENT_RUNS, 5 * RECENT_RUNS, RECENT_RUNS):
        ended(bench, first, first + RECENT_RUNS - 1)
        assert await bench.forge.result(GUIDE, runner_id=999, job_id=None) is None  # each of them is read
    assert len(await bench.forge.jobs_in_progress(GUIDE)) == 1
    assert len(bench.forge._jobs._runs) <= 1 + 2 * RECENT_RUNS


async def test_a_run_one_of_whose_jobs_has_ended_is_read_again_at_once(bench: Bench) -> None:
    bench.stand_in.run(1, job(5), job(6, status="queued"))
    assert await numbers(bench.forge) == ["6"]
    assert await bench.forge.job(GUIDE, "6") is not None
    asked_for_jobs(bench)
    assert await numbers(bench.forge) == ["6"]
    assert asked_for_jobs(bench) == 0
    bench.stand_in.world.job(5).status, bench.stand_in.world.job(5).conclusion = "completed", "success"
    assert await bench.forge.job(GUIDE, "5") is not None
    assert await numbers(bench.forge) == ["6"]
    assert asked_for_jobs(bench) == 1


async def test_a_run_that_changed_while_its_status_did_not_is_read_again_at_once(bench: Bench) -> None:
    turn_clock(bench)  # which stands still: nothing is read again for its age
    bench.stand_in.run(1, job(5, status="queued"), job(6, status="queued"))
    assert await numbers(bench.forge) == ["5", "6"]
    waiting = bench.stand_in.world.job(6)
    waiting.status, waiting.conclusion, waiting.ended = "completed", "cancelled", waiting.made + 5
    assert await numbers(bench.forge) == ["5"]


async def test_for_a_runner_that_ended_only_those_of_many_runs_are_read_that_may_have_had_its_job(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registrar.forges.github.run_jobs.FEW_RUNS", 4)
    for number in range(1, 9):
        bench.stand_in.run(number, job(1000 + number, runner_id=number))
    bench.stand_in.run(9, job(1009, status="queued"))
    assert len(await bench.forge.jobs_in_progress(GUIDE)) == 8
    asked_for_jobs(bench)
    bench.stand_in.run(9, job(1009, runner_id=9))
    found = await bench.forge.result(GUIDE, runner_id=9, job_id=None)
    assert found is not None
    assert found.id == "1009"
    assert asked_for_jobs(bench) == 1
    assert await bench.forge.result(GUIDE, runner_id=999, job_id=None) is None
    assert asked_for_jobs(bench) == 0


async def test_a_run_that_two_want_to_know_of_at_the_same_time_is_read_once(bench: Bench) -> None:
    bench.stand_in.delay = 0.05
    for number in range(1, 7):
        bench.stand_in.run(number, job(1000 + number, runner_id=number))
    looks = bench.forge.jobs_in_progress(GUIDE), bench.forge.result(GUIDE, runner_id=6, job_id=None)
    await asyncio.gather(*looks)
    assert asked_for_jobs(bench) <= 6 + 2, "those that were under way when the second began are read again"


@pytest.mark.parametrize("path", [".github/workflows/train.yml", ".github/workflows/train.yml@refs/heads/main"])
def test_a_runs_workflow_is_its_file_whatever_version_is_named_behind_it(path: str) -> None:
    assert workflow_file({"id": 1, "path": path}) == ".github/workflows/train.yml"


async def test_twenty_repositories_are_read_at_four_pages_a_second_and_one_whenever_somebody_asks(
    bench: Bench, tmp_path: Path
) -> None:
    now = turn_clock(bench)
    for _ in range(3):
        await bench.forge.queued(GUIDE)
        now[0] += 0.1
    assert bench.stand_in.calls.count(RUNS) == 3
    folder = tmp_path / "organization"
    folder.mkdir()
    async with github_bench(folder, group="gpu") as wide:
        now = turn_clock(wide)
        names = [f"mlops/r{number}" for number in range(20)]
        wide.stand_in.hold_groups(GROUP)
        wide.stand_in.hold_repositories(*names)
        await wide.forge.queued(ORGANIZATION)
        for _ in range(100):  # ten seconds of somebody who asks ten times a second
            now[0] += 0.1
            await wide.forge.queued(ORGANIZATION)
        pages = [call for call in wide.stand_in.calls if call.endswith("/actions/runs")]
        assert len(pages) == 20 + 2 * 20


async def test_a_hundred_runs_behind_the_page_cost_their_lists_once_a_minute(bench: Bench) -> None:
    now = [0.0]
    active = ActiveRuns(bench.forge._session, clock=lambda: now[0])
    for number in range(1, 131):
        bench.stand_in.run(number, job(1000 + number, runner_id=number))
    ended(bench, 131, 240)
    assert len(await active.read(GUIDE, GUIDE)) == 130
    bench.stand_in.calls.clear()
    bench.stand_in.run(7, job(1007, runner_id=7, status="completed"))
    for _ in range(11):
        now[0] += 5
        assert len(await active.read(GUIDE, GUIDE)) == 130
    assert bench.stand_in.calls == [RUNS] * 11
    now[0] += 5
    assert len(await active.read(GUIDE, GUIDE)) == 129
