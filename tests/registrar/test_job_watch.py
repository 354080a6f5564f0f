"""JobWatch: what it tells while the forge is in trouble, and that it goes on."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from registrar.forges.forge import ForgeUnreachableError
from registrar.job_watch import LONGEST_PAUSE_SECONDS, JobWatch
from registrar.jobs_in_progress import JobsInProgress
from tests.registrar.conftest import PATIENCE_SECONDS, stays
from tests.registrar.stand_in_gitea import StandInGitea, asked
from values.scope import Scope

GUIDE = Scope("mlops/guide")


@asynccontextmanager
async def watching(gitea: StandInGitea) -> AsyncIterator[JobWatch]:
    async with asked(gitea) as forge:
        jobs = JobsInProgress(forge, GUIDE)
        watch = JobWatch(forge, GUIDE, jobs)
        running = asyncio.create_task(watch.run())
        yield watch
        assert not running.done(), "it reads for ever"
        running.cancel()
        await asyncio.wait([running])
        await jobs.close()


async def test_who_asks_while_the_forge_refuses_is_told_what_it_said_and_then_its_jobs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gitea = StandInGitea(failing=429, failing_headers={"Retry-After": "1"})
    gitea.job(1, status="queued")
    async with watching(gitea) as watch:
        with caplog.at_level(logging.WARNING), pytest.raises(ForgeUnreachableError, match="429") as error:
            await watch.get()
        assert error.value.retry_after == 1
        tries = len(gitea.calls)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(gitea.calls) < tries + 1:
                with suppress(ForgeUnreachableError):
                    await watch.get()
        assert [record.getMessage() for record in caplog.records].count("queue unknown") == 1, "said once"
        gitea.failing = None
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                with suppress(ForgeUnreachableError):
                    snapshot = await watch.get()
                    break
        assert [job.id for job in snapshot.waiting] == ["1"]


@pytest.mark.parametrize(("asked_for", "pause"), [("0", None), ("17", 17.0), ("3000", LONGEST_PAUSE_SECONDS)])
async def test_the_next_try_is_when_the_forge_says_but_not_for_ever(asked_for: str, pause: float | None) -> None:
    gitea = StandInGitea(failing=503, failing_headers={"Retry-After": asked_for})
    async with asked(gitea) as forge:
        jobs = JobsInProgress(forge, GUIDE)
        assert await JobWatch(forge, GUIDE, jobs)._read_once(0.0) == (pause or forge.pace.queue)
        await jobs.close()


async def test_a_forge_in_trouble_again_is_told_again(caplog: pytest.LogCaptureFixture) -> None:
    gitea = StandInGitea()
    async with asked(gitea) as forge:
        jobs = JobsInProgress(forge, GUIDE)
        watch = JobWatch(forge, GUIDE, jobs)
        with caplog.at_level(logging.WARNING):
            for failing in (500, 500, None, 502, 502):
                gitea.failing = failing
                await watch._read_once(0.0)
        await jobs.close()
    assert [record.getMessage() for record in caplog.records].count("queue unknown") == 2


@pytest.mark.parametrize(("took", "told_for"), [(0.0, 2.0), (5.0, 7.0), (40.0, 17.0)])
async def test_a_slow_forges_last_reading_is_told_until_the_next_one_may_be_expected(
    took: float, told_for: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An autoscaler that gets an error lets a pool at zero sleep on. Beyond that the error says how old it is."""
    monkeypatch.setattr("registrar.job_watch.PATIENCE_SECONDS", 0.01)
    gitea, now = StandInGitea(), [took]
    gitea.job(1, status="queued")
    async with asked(gitea) as forge:
        jobs = JobsInProgress(forge, GUIDE)
        watch = JobWatch(forge, GUIDE, jobs, clock=lambda: now[0])
        with pytest.raises(ForgeUnreachableError, match="mlops/guide is being read for the first time"):
            await watch.get()
        await watch._read_once(0.0)
        now[0] += told_for
        assert [job.id for job in (await watch.get()).waiting] == ["1"]
        now[0] += 1
        said = f"was read {told_for + 1:.0f} s ago, which took {took:.1f} s; it is told for {told_for:.0f} s"
        with pytest.raises(ForgeUnreachableError, match=said):
            await watch.get()
        await jobs.close()


async def test_a_queue_that_nobody_asks_for_is_not_read() -> None:
    gitea = StandInGitea()
    async with watching(gitea) as watch:
        await stays(lambda: gitea.calls == [], 0.3)
        await watch.get()
        assert gitea.calls
