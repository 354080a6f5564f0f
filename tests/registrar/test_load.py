"""Hundreds of pods at once at a slow forge, ten times as fast as the clock."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from registrar.forges.forge import Pace
from registrar.forges.github.pace import LIMITS
from registrar.turns import HOLD_SECONDS, NotYetError, Turns
from tests.registrar.conftest import open_world, until
from tests.registrar.crowd import Crowd

SPEED = 10.0
PODS = 60
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
        crowd = Crowd(world, PODS, speed=SPEED)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await crowd.come()
        runners = world.gitea.runners if kind == "gitea" else world.github.runners
        minted = world.gitea.minted if kind == "gitea" else sum("generate-jitconfig" in it for it in world.github.calls)
        await until(lambda: len(runners) == PODS)  # what was begun for one that hung up is undone in the end
        assert (
            minted - PODS <= crowd.hung_up + crowd.cut_off
        )  # who hung up while they were registered: undone, as only those left show


async def test_a_crowd_leaves_nothing_in_memory(tmp_path: Path) -> None:
    async with open_world(tmp_path, "gitea", Pace(burst=0.2, active=0.3, idle=0.5, census=6.0)) as world:
        world.gitea.delay = 0.1
        crowd = Crowd(world, 60, hang_up_seconds=10.0, speed=SPEED)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await crowd.come()
        assert crowd.hung_up > 0
        assert len(world.gitea.runners) == 60
        assert world.service.registrations.remembered == 0


async def test_pods_that_were_sent_away_have_their_turn_before_those_that_came_later() -> None:
    now: list[float] = [0.0]
    order: list[str] = []
    turns = Turns(at_once=1, hold_seconds=10.0, clock=lambda: now[0])

    async def be_served(who: str, seconds: float) -> None:
        async with turns.turn(who):
            now[0] += seconds
            order.append(who)
            await asyncio.sleep(0)

    for _ in range(20):  # it learns that a turn takes seven seconds
        await be_served("before", 7.0)
    order.clear()
    async with turns.turn("holder"):
        waiting = [asyncio.create_task(be_served(f"early-{number}", 4.0)) for number in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(NotYetError) as sent_away:
            await be_served("sent-away", 4.0)
        assert 1.0 <= sent_away.value.retry_after <= 12.0
        with pytest.raises(NotYetError):
            await be_served("late", 4.0)
        now[0] += sent_away.value.retry_after
    await asyncio.gather(*waiting)
    async with turns.turn("holder"):
        back = [asyncio.create_task(be_served(who, 4.0)) for who in ("late", "sent-away", "later-still")]
        await asyncio.sleep(0)
    await asyncio.gather(*back, return_exceptions=True)
    assert order[:2] == ["early-0", "early-1"]
    assert order.index("sent-away") < order.index("late")


async def test_who_hangs_up_in_the_middle_of_their_turn_comes_back_to_their_place() -> None:
    order: list[str] = []
    turns = Turns(at_once=1)

    async def be_served(who: str) -> None:
        async with turns.turn(who):
            order.append(who)

    async with turns.turn("holder"):
        first = asyncio.create_task(_wait_in_turn(turns, "first"))
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    late = asyncio.create_task(be_served("late"))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await late
    order.clear()
    async with turns.turn("holder"):
        back = [asyncio.create_task(be_served(who)) for who in ("later-still", "first")]
        await asyncio.sleep(0)
    await asyncio.gather(*back)
    assert order == ["first", "later-still"]
    assert turns.remembered == 0


async def _wait_in_turn(turns: Turns, who: str) -> None:
    async with turns.turn(who):
        await asyncio.Event().wait()


async def test_who_gives_up_waiting_passes_their_turn_on() -> None:
    turns = Turns(at_once=1)
    async with turns.turn("holder"):
        first, second = (asyncio.create_task(_have_a_turn(turns, who)) for who in ("first", "second"))
        await asyncio.sleep(0)
        first.cancel()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await second


async def _have_a_turn(turns: Turns, who: str) -> None:
    async with turns.turn(who):
        pass
