"""Nothing in the registrar grows with the jobs that it has seen: every memory is bounded, here by small bounds.

It takes some seconds, because all of the registrar is at work in it, for eighty jobs.
"""

import asyncio
import contextlib
from pathlib import Path

import pytest

from registrar import announcer, brakes, lost_jobs, owners, pool_series, turns
from registrar.forges.github import client, forge, jobs
from tests.registrar import growth
from tests.registrar.conftest import World, open_world, until
from tests.registrar.growth import FAST, UNLIMITED, held, pods_come_and_go

# All that bounds a memory by a number or by a time that is longer than a test.
BOUNDS = (
    (pool_series, "MOST_POOLS", 4), (pool_series, "LINGER_SECONDS", 0.5),
    (announcer, "MOST_WITHOUT_POD", 4), (brakes, "MOST_POOLS", 4),
    (owners, "MOST_OWNERS", 4), (lost_jobs, "MOST_REMEMBERED", 4), (jobs, "REMEMBERED_RUNS", 4),
    (client, "KEEP_SECONDS", 0.5), (client, "ASKED_A_SECOND", 1e6),
    (forge, "REMOVED_SECONDS", 0.05), (turns, "RETURN_SECONDS", 0.5),
)  # fmt: skip
ROUND = 40  # jobs
# Answers, tickets and the like of the last moments come and go; what keeps one entry for each job has twice as many.
SLACK = 20
SETTLED_SECONDS = 20.0  # until what is over is let go of, on a busy machine


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, bound in BOUNDS:
        monkeypatch.setattr(module, name, bound)
    monkeypatch.setattr(growth, "KEPT_RUNS", ROUND // 2)  # so that no page of runs grows
    monkeypatch.setattr(lost_jobs, "LONGEST_PAUSE_SECONDS", 0.1)


async def a_round(world: World, first: int) -> None:
    await pods_come_and_go(world, first, ROUND)
    await until(lambda: not world.store.pods() and not world.loop.remembered)


async def test_no_collection_of_the_registrar_grows_with_the_jobs_and_pools_that_it_has_seen(tmp_path: Path) -> None:
    async with open_world(tmp_path, "github", FAST, UNLIMITED, keepFailed=0) as world:
        world.run()
        await a_round(world, 1)
        before, _ = held(world)
        await a_round(world, 1 + ROUND)

        def grown() -> dict[str, int]:
            after, _ = held(world)
            return {name: more for name, more in (after - before).items() if more > max(SLACK, before[name] / 2)}

        assert before["Client._cache"] > 0, "what is looked at is the registrar"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLED_SECONDS):
                while grown():
                    await asyncio.sleep(0.2)
        assert grown() == {}
