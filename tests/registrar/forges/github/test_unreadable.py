"""One repository of an organization that cannot be read costs only itself."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab.github import documents
from lab.github.faults import Fault
from registrar.forges.forge import ForgeRefusedError, ForgeUnreachableError
from registrar.forges.github.jobs import ScopeJobs
from registrar.forges.github.unreadable import AGAIN_SECONDS, BELIEVED_SECONDS, Unreadable
from registrar.logs import LOGGER
from tests.github.arranged import job
from tests.registrar.forges.github.bench import Bench, github_bench
from values.scope import Scope

ORGANIZATION, GUIDE = Scope("mlops"), Scope("mlops/guide")
OTHER = Scope("mlops/other")
DEFAULT = {"id": 1, "name": "Default", "default": True, "visibility": "all", "allows_public_repositories": False}
GPU = {"id": 7, "name": "gpu", "default": False, "visibility": "selected", "allows_public_repositories": False}
COUNT = 'gpu_runners_unreadable_repositories{scope="mlops"}'
STATUSES = [301, 403, 404, 410, 451]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """An organization whose group holds eight repositories, each with a job in progress."""
    async with github_bench(tmp_path, group="gpu") as it:
        it.stand_in.hold_groups(DEFAULT, GPU)
        names = [f"mlops/r{number:02d}" for number in range(8)]
        it.stand_in.hold_repositories(*names)
        for number, name in enumerate(names, 1):
            it.stand_in.run(number, job(100 + number, runner_id=number), repository=name)
        yield it


def refuse(bench: Bench, path: str, status: int) -> None:
    """GitHub's answer below one repository from now on; without a body, as a move has none that says anything."""
    bench.stand_in.arrange_status(status)
    bench.stand_in.faults.add(Fault(f"^GET .*{path}", times=None, status=status, message=""))


async def jobs(bench: Bench) -> set[str]:
    return {job.id for job in await bench.forge.jobs_in_progress(ORGANIZATION)}


@pytest.mark.parametrize("status", STATUSES)
async def test_the_others_are_read(bench: Bench, status: int, caplog: pytest.LogCaptureFixture) -> None:
    refuse(bench, "/repos/mlops/r05/", status)
    LOGGER.propagate = True
    assert await jobs(bench) == {f"r{number:02d}/{101 + number}" for number in range(8) if number != 5}
    assert bench.counted(COUNT) == 1
    assert "repository unreadable" in caplog.text


@pytest.mark.parametrize("status", STATUSES)
async def test_the_end_of_a_job_elsewhere_is_found(bench: Bench, status: int) -> None:
    refuse(bench, "/repos/mlops/r00/", status)
    bench.stand_in.run(5, job(105, runner_id=5, status="completed", conclusion="failure"), repository="mlops/r04")
    ended = await bench.forge.result(ORGANIZATION, runner_id=5, job_id=None)
    assert ended is not None
    assert (ended.id, ended.conclusion) == ("r04/105", "failure")


@pytest.mark.parametrize("status", STATUSES)
async def test_a_job_in_such_a_repository_is_unknown_and_no_error_for_ever(bench: Bench, status: int) -> None:
    refuse(bench, "/repos/mlops/r05/", status)
    assert await bench.forge.result(ORGANIZATION, runner_id=6, job_id="r05/106") is None


@pytest.mark.parametrize("status", [301, 404])
async def test_a_repository_that_is_renamed_is_read_by_its_new_name(
    bench: Bench, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registrar.forges.github.jobs.REPOSITORIES_A_SECOND", float("inf"))
    assert "r05/106" in await jobs(bench)
    world = bench.stand_in.world
    moved = world.repositories.pop("mlops/r05")
    moved.full_name = "mlops/renamed"
    world.repositories["mlops/renamed"] = moved
    refuse(bench, "/repos/mlops/r05/", status)
    await jobs(bench)
    assert "renamed/106" in await jobs(bench)
    assert bench.counted(COUNT) == 0
    ended = await bench.forge.result(ORGANIZATION, runner_id=6, job_id="r05/106")
    assert ended is not None
    assert ended.id == "renamed/106"


@pytest.mark.parametrize("status", [500, 502])
async def test_one_in_trouble_hides_no_end_of_a_job_elsewhere(bench: Bench, status: int) -> None:
    refuse(bench, "/repos/mlops/r00/", status)
    bench.stand_in.run(5, job(105, runner_id=5, status="completed"), repository="mlops/r04")
    ended = await bench.forge.result(ORGANIZATION, runner_id=5, job_id=None)
    assert ended is not None
    assert ended.id == "r04/105"
    with pytest.raises(ForgeUnreachableError, match=str(status)):  # it may be there
        await bench.forge.result(ORGANIZATION, runner_id=77, job_id=None)


async def test_one_that_stays_in_trouble_is_waited_for_no_longer_than_a_conclusion(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A runner that had no job is else never over, and its pod stays for ever."""
    refuse(bench, "/repos/mlops/r00/", 502)
    with pytest.raises(ForgeUnreachableError):
        await bench.forge.result(ORGANIZATION, runner_id=77, job_id=None)
    monkeypatch.setattr("registrar.forges.github.jobs.TROUBLE_SECONDS", 0.0)
    assert await bench.forge.result(ORGANIZATION, runner_id=77, job_id=None) is None
    for path in (r"/repos/mlops/r[0-9]+/.*status=completed", "/repos/mlops/r[0-9]+/"):
        refuse(bench, path, 502)
        with pytest.raises(ForgeUnreachableError):  # a GitHub that is away tells of no runner that it had no job
            await bench.forge.result(ORGANIZATION, runner_id=77, job_id=None)


def test_errors_that_are_far_apart_are_no_trouble_that_lasts() -> None:
    place = ScopeJobs()
    assert all(place.is_awaited(OTHER, moment * 130.0) for moment in range(30))
    assert [place.is_awaited(OTHER, 10_000.0 + 60.0 * minute) for minute in (0, 1, 29, 30)] == [True] * 4
    assert not [place.is_awaited(OTHER, 20_000.0 + 60.0 * minute) for minute in range(31)][-1]


async def test_it_is_asked_again_only_after_a_while(bench: Bench) -> None:
    refuse(bench, "/repos/mlops/r05/", 404)
    for _ in range(5):
        await jobs(bench)
    assert sum("/repos/mlops/r05/" in call for call in bench.stand_in.calls) == 1


async def test_one_that_can_be_read_again_is_read_and_counted_no_more(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registrar.forges.github.unreadable.AGAIN_SECONDS", 0.0)
    monkeypatch.setattr("registrar.forges.github.jobs.REPOSITORIES_A_SECOND", float("inf"))
    refuse(bench, "/repos/mlops/r05/", 404)
    assert "r05/106" not in await jobs(bench)
    assert bench.counted(COUNT) == 1
    bench.stand_in.faults.clear()
    assert "r05/106" in await jobs(bench)
    assert bench.counted(COUNT) == 0


@pytest.mark.parametrize("entry", [None, {"full_name": None}, {"full_name": "mlops/../x"}, {}, 7])
async def test_an_entry_that_names_no_repository_costs_only_itself(
    bench: Bench, entry: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = documents.repository
    odd = bench.stand_in.world.repository("mlops/r05")
    bench.stand_in.arrange_status(200)
    monkeypatch.setattr(documents, "repository", lambda world, it: entry if it is odd else shown(world, it))
    assert await jobs(bench) == {f"r{number:02d}/{101 + number}" for number in range(8) if number != 5}


async def test_a_job_that_cannot_be_read_costs_its_repository_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = documents.job
    bench.stand_in.arrange_status(200)
    monkeypatch.setattr(
        documents, "job", lambda world, it: {**shown(world, it), "id": None} if it.id == 106 else shown(world, it)
    )
    assert await jobs(bench) == {f"r{number:02d}/{101 + number}" for number in range(8) if number != 5}


async def test_where_none_can_be_read_nothing_is_known(bench: Bench) -> None:
    refuse(bench, "/repos/mlops/r[0-9]+/", 403)
    for _ in range(2):
        with pytest.raises(ForgeRefusedError, match="403"):
            await jobs(bench)


async def test_a_forge_in_trouble_is_no_unreadable_repository(bench: Bench) -> None:
    refuse(bench, "/repos/mlops/r[0-9]+/", 502)
    with pytest.raises(ForgeUnreachableError):
        await jobs(bench)


@pytest.mark.parametrize("status", [403, 404])
async def test_a_scope_that_is_a_repository_has_no_other(tmp_path: Path, status: int) -> None:
    async with github_bench(tmp_path) as bench:
        refuse(bench, "/repos/mlops/guide/actions/runs", status)
        with pytest.raises(ForgeRefusedError):
            await bench.forge.jobs_in_progress(GUIDE)


async def test_a_run_that_was_deleted_since_it_was_listed_has_no_jobs(bench: Bench) -> None:
    refuse(bench, "/repos/mlops/r05/actions/runs/6/jobs", 404)
    assert len(await jobs(bench)) == 7
    assert bench.counted(COUNT) == 0


async def test_one_runner_group_that_was_deleted_costs_only_itself(tmp_path: Path) -> None:
    async with github_bench(tmp_path, group="gpu", more_groups=("gone",)) as bench:
        bench.stand_in.hold_groups(DEFAULT, GPU)
        bench.stand_in.hold_repositories("mlops/guide")
        bench.stand_in.run(1, job(5, runner_id=3))
        assert await jobs(bench) == {"guide/5"}


def test_a_repository_that_can_be_read_again_is_counted_no_more() -> None:
    seen: list[int] = []
    now = [0.0]
    unreadable = Unreadable(lambda _, count: seen.append(count), clock=lambda: now[0])
    error = ForgeRefusedError("no")
    unreadable.add(ORGANIZATION, OTHER, error)
    assert unreadable.left_out(ORGANIZATION, OTHER) is error
    now[0] = AGAIN_SECONDS
    assert unreadable.left_out(ORGANIZATION, OTHER) is None
    unreadable.remove(ORGANIZATION, OTHER)
    unreadable.add(ORGANIZATION, OTHER, error)
    unreadable.keep(ORGANIZATION, [GUIDE])
    assert seen == [1, 0, 1, 0]


async def queued(bench: Bench) -> set[str]:
    return {job.id for job in await bench.forge.queued(ORGANIZATION)}


async def test_jobs_that_wait_in_a_repository_without_an_answer_do_not_count_for_ever(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """They may have been cancelled since, and a pool would keep its GPUs; a runner's job goes on all the same."""
    LOGGER.propagate = True
    monkeypatch.setattr("registrar.forges.github.jobs.REPOSITORIES_A_SECOND", float("inf"))
    for number, name in ((21, "mlops/r05"), (22, "mlops/r06")):
        bench.stand_in.run(number, job(200 + number, status="queued"), repository=name)
    assert await queued(bench) == {"r05/221", "r06/222"}
    refuse(bench, "/repos/mlops/r05/", 502)
    assert await queued(bench) == {"r05/221", "r06/222"}, "it may answer in a moment"
    assert bench.counted(COUNT) == 0
    monkeypatch.setattr("registrar.forges.github.unreadable.BELIEVED_SECONDS", 0.0)
    assert await queued(bench) == {"r06/222"}
    assert await jobs(bench) == {f"r{number:02d}/{101 + number}" for number in range(8)}
    assert bench.counted(COUNT) == 1
    assert caplog.text.count("do not count until it answers") == 1
    bench.stand_in.faults.clear()
    await queued(bench)  # the reading that was under way
    assert await queued(bench) == {"r05/221", "r06/222"}
    assert bench.counted(COUNT) == 0


def test_a_repository_that_is_none_of_the_scope_any_more_is_not_silent() -> None:
    told: list[int] = []
    moments = iter((0.0, 0.0, BELIEVED_SECONDS, BELIEVED_SECONDS))
    unreadable = Unreadable(lambda _, number: told.append(number), clock=lambda: next(moments))
    error = ForgeUnreachableError("502")
    assert [unreadable.fails(ORGANIZATION, OTHER, error) for _ in range(2)] == [False, True]
    unreadable.keep(ORGANIZATION, [GUIDE])
    assert not unreadable.is_silent(ORGANIZATION, OTHER)
    assert told == [1, 0]
