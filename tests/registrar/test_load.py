"""Many pods at once at a slow forge, through sockets and ten times as fast as the clock."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from lab.github.server import Exchange
from registrar.forges.forge import Pace
from registrar.forges.github.pace import LIMITS
from registrar.turns import HOLD_SECONDS
from tests.registrar.conftest import open_world, until
from tests.registrar.crowd import Crowd
from tests.registrar.visits import most_passed

SPEED = 10.0
PODS = 60
HASTY = 4  # of so many pods one hangs up three times, also in the middle of its turn
PATIENCE_SECONDS = 300  # of a busy machine


@pytest.mark.parametrize("call_seconds", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("kind", ["gitea", "github"])
async def test_every_pod_is_served_in_its_turn_and_nothing_is_registered_for_nobody(
    tmp_path: Path, kind: str, call_seconds: float
) -> None:
    limits = replace(LIMITS, changes=LIMITS.changes * SPEED, reads=LIMITS.reads * SPEED)
    issues = SPEED if kind == "github" else float("inf")
    pace = Pace(burst=0.2, active=0.3, idle=0.5, census=6.0, issues=issues)
    async with open_world(tmp_path, kind, pace, limits, hold=HOLD_SECONDS / SPEED) as world:
        world.gitea.delay = world.github.delay = call_seconds / SPEED
        crowd = Crowd(world, PODS, speed=SPEED, hasty=HASTY, one_by_one=True)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await crowd.come()
        # Lost order: 47 and more, seen. What a busy machine takes of a client's time is not counted.
        assert most_passed(crowd.visits.values()) <= PODS // 2
        runners = world.gitea.runners if kind == "gitea" else world.github.runners
        # Asked for twice is one whose name GitHub has not given back yet: refused, so that nothing is minted.
        minted = world.gitea.minted if kind == "gitea" else sum(map(is_minted, world.github.exchanges))
        await until(lambda: len(runners) == PODS)  # what was begun for one that hung up is undone in the end
        # Beside them those that hung up while they were registered: undone, as only the others are left.
        assert 0 <= minted - PODS <= crowd.hung_up + crowd.cut_off


def is_minted(exchange: Exchange) -> bool:
    """Whether GitHub has registered a runner."""
    return exchange.path.endswith("/generate-jitconfig") and exchange.status == 201


async def test_a_crowd_leaves_nothing_in_memory(tmp_path: Path) -> None:
    async with open_world(tmp_path, "gitea", Pace(burst=0.2, active=0.3, idle=0.5, census=6.0)) as world:
        world.gitea.delay = 0.1
        crowd = Crowd(world, 60, hang_up_seconds=10.0, speed=SPEED)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await crowd.come()
        assert crowd.hung_up > 0
        assert len(world.gitea.runners) == 60
        assert world.service.registrations.remembered == 0
