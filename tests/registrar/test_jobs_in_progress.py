"""One list of the jobs in progress for all who want it, which is read the less often the longer it is."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from registrar.forges.forge import ForgeUnreachableError
from registrar.forges.gitea import PACE, PAGE_SIZE, Gitea
from registrar.job_watch import JobWatch
from registrar.jobs_in_progress import JobsInProgress
from tests.registrar.stand_in_gitea import StandInGitea, asked
from values.scope import Scope

GUIDE = Scope("mlops/guide")


@dataclass
class Scene:
    """A forge, and the time."""

    gitea: StandInGitea
    forge: Gitea
    now: list[float] = field(default_factory=lambda: [1000.0])

    def jobs(self) -> JobsInProgress:
        return JobsInProgress(self.forge, GUIDE, clock=lambda: self.now[0])

    def pages(self) -> int:
        """How many were asked for since the last question."""
        asked = len(self.gitea.calls)
        self.gitea.calls.clear()
        return asked


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    gitea = StandInGitea()
    async with asked(gitea) as forge:
        yield Scene(gitea, forge)


def work(scene: Scene, number: int) -> None:
    for job in range(1, number + 1):
        scene.gitea.job(job, runner_id=job)


async def test_all_who_ask_at_the_same_time_get_one_reading(scene: Scene) -> None:
    jobs, scene.gitea.delay = scene.jobs(), 0.02
    scene.gitea.job(1, runner_id=7)
    readings = await asyncio.gather(*(jobs.read() for _ in range(10)))
    assert {reading.jobs for reading in readings} == {readings[0].jobs}
    assert scene.pages() <= 2, "those who came while one was read share the next"


async def test_a_short_list_is_read_for_everybody_who_asks(scene: Scene) -> None:
    jobs = scene.jobs()
    assert (await jobs.read()).jobs == ()
    scene.gitea.job(1, runner_id=7)
    scene.now[0] += 0.05
    assert len((await jobs.read()).jobs) == 1


async def test_whoever_asks_while_an_older_question_is_under_way_waits_for_a_younger_one(scene: Scene) -> None:
    jobs, scene.gitea.delay = scene.jobs(), 0.05
    first = asyncio.create_task(jobs.read())
    while not scene.gitea.calls:
        await asyncio.sleep(0.001)
    scene.now[0] += 1
    second = asyncio.create_task(jobs.read())
    assert (await first).began < (await second).began == 1001


async def test_a_thousand_jobs_cost_no_more_than_four_pages_a_second(scene: Scene) -> None:
    jobs = scene.jobs()
    work(scene, 1000)
    await jobs.read()
    scene.pages()
    for _ in range(240):  # a minute of two who ask twice a second
        scene.now[0] += 0.25
        await jobs.read()
    assert scene.pages() <= 60 * 4 + 1000 / PAGE_SIZE
    assert jobs.age == pytest.approx(1000 * PACE.job_age) == 5


async def test_who_needs_them_younger_gets_them_younger(scene: Scene) -> None:
    jobs = scene.jobs()
    work(scene, 1000)
    began = (await jobs.read()).began
    scene.now[0] += 2
    assert (await jobs.read(most_age=3)).began == began
    assert (await jobs.read(most_age=1)).began == began + 2
    scene.now[0] += 1
    assert (await jobs.read(most_age=-5)).began == began + 3


async def test_who_goes_away_takes_the_answer_from_nobody_and_an_error_is_not_kept(scene: Scene) -> None:
    jobs, scene.gitea.delay = scene.jobs(), 0.05
    impatient = asyncio.create_task(jobs.read())
    while not scene.gitea.calls:
        await asyncio.sleep(0.001)
    impatient.cancel()
    assert (await jobs.read()).jobs == ()
    scene.gitea.failing = 503
    scene.now[0] += 1
    with pytest.raises(ForgeUnreachableError):
        await jobs.read()
    scene.gitea.failing = None
    assert (await jobs.read()).jobs == ()


async def test_a_job_that_began_after_the_list_was_read_is_no_longer_waiting_and_runs(scene: Scene) -> None:
    jobs = scene.jobs()
    watch = JobWatch(scene.forge, GUIDE, jobs, clock=lambda: scene.now[0])
    work(scene, 400)
    scene.gitea.job(401, status="queued")
    scene.gitea.job(402, status="queued")
    await watch._read_once(scene.now[0])
    scene.now[0] += 1  # the list may be two seconds old
    scene.gitea.job(401, runner_id=401)
    scene.gitea.job(402, status="completed", conclusion="cancelled")
    await watch._read_once(scene.now[0])
    snapshot = watch._snapshot
    assert snapshot is not None
    assert (len(snapshot.waiting), len(snapshot.running)) == (0, 402)
    assert {job.id for job in snapshot.running if job.runner_id is None} == {"401", "402"}
    scene.now[0] += 2
    await watch._read_once(scene.now[0])
    snapshot = watch._snapshot
    assert snapshot is not None
    assert (len(snapshot.running), {job.runner_id is None for job in snapshot.running}) == (401, {False})
