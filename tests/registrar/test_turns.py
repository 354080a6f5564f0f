"""Turns: whose comes next, who is sent away, and what costs somebody their place."""

import asyncio

import pytest

from registrar.turns import HOLD_SECONDS, PATIENCE, RECENT, RETURN_SECONDS, NotYetError, Turns
from tests.registrar import virtual_time
from tests.registrar.conftest import PATIENCE_SECONDS


async def test_pods_that_were_sent_away_have_their_turn_before_those_that_came_later() -> None:
    now: list[float] = [0.0]
    order: list[str] = []
    turns = Turns(at_once=1, room=2, hold_seconds=10.0, clock=lambda: now[0])

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


class ForgeAwayError(Exception):
    """The forge failed."""


async def _learn(turns: Turns, now: list[float], seconds: float, times: int = RECENT) -> None:
    """So long the last turns took."""
    for number in range(times):
        async with turns.turn(f"teacher-{number}"):
            now[0] += seconds


async def _fail(turns: Turns, who: str, error: Exception) -> None:
    with pytest.raises(type(error)):
        async with turns.turn(who):
            raise error


async def _order(turns: Turns, *crowd: str) -> list[str]:
    """In which order these are served that come one after the other while somebody else has the turn."""
    order: list[str] = []

    async def be_served(who: str) -> None:
        async with turns.turn(who):
            order.append(who)

    async with turns.turn("holder"):
        waiting = [asyncio.create_task(be_served(who)) for who in crowd]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    return order


async def test_who_finds_room_waits_however_long_that_may_take_and_who_finds_none_is_sent_away() -> None:
    now = [0.0]
    turns = Turns(at_once=1, room=2, hold_seconds=5.0, clock=lambda: now[0])
    await _learn(turns, now, 7.0)
    async with turns.turn("holder"):
        first, second = (asyncio.create_task(_have_a_turn(turns, who)) for who in ("first", "second"))
        await asyncio.sleep(0)
        with pytest.raises(NotYetError):
            await _have_a_turn(turns, "third")
        first.cancel()
        await asyncio.wait([first])
        third = asyncio.create_task(_have_a_turn(turns, "third"))
        await asyncio.sleep(0)
    await asyncio.gather(second, third)


async def test_who_gives_up_leaves_nothing_behind_however_long_the_forge_hangs() -> None:
    turns = Turns(at_once=1, hold_seconds=0.01)
    async with turns.turn("holder"):
        for _ in range(5):
            crowd = [asyncio.create_task(_have_a_turn(turns, str(number))) for number in range(20)]
            await asyncio.sleep(0)
            for task in crowd[::2]:
                task.cancel()
            ended = await asyncio.gather(*crowd, return_exceptions=True)
            assert {type(error) for error in ended} == {asyncio.CancelledError, NotYetError}
            assert not turns._waiting
    assert await _order(turns, "3", "1", "2") == ["1", "2", "3"]


@pytest.mark.parametrize(("ahead", "away"), [(1, 3.5), (2, 7.0), (8, 28.0), (9, 30.0), (20, 30.0)])
async def test_who_is_sent_away_is_back_when_half_of_the_time_is_over_or_after_half_a_minute(
    ahead: int, away: float
) -> None:
    now = [0.0]
    turns = Turns(at_once=1, room=0, hold_seconds=5.0, failures=(ForgeAwayError,), clock=lambda: now[0])
    for number in range(ahead):
        await _fail(turns, f"before-{number}", ForgeAwayError())
    await _learn(turns, now, 7.0)
    async with turns.turn("holder"):
        with pytest.raises(NotYetError) as sent_away:
            await _have_a_turn(turns, "last")
    assert (sent_away.value.ahead, sent_away.value.retry_after) == (ahead, away)


@pytest.mark.parametrize(("slow", "away"), [(RECENT - 1, 3.5), (RECENT, 10.0)])
async def test_the_quickest_of_the_last_turns_is_the_estimate(slow: int, away: float) -> None:
    """A crowd that comes makes some turns slow: whoever is sent away meanwhile must not come back too late."""
    now = [0.0]
    turns = Turns(at_once=1, room=1, hold_seconds=5.0, clock=lambda: now[0])
    await _learn(turns, now, 7.0)
    await _learn(turns, now, 20.0, times=slow)
    async with turns.turn("holder"):
        waiting = asyncio.create_task(_have_a_turn(turns, "next"))
        await asyncio.sleep(0)
        with pytest.raises(NotYetError) as sent_away:
            await _have_a_turn(turns, "last")
    await waiting
    assert sent_away.value.retry_after == away


async def test_whose_turn_the_forge_let_fail_comes_back_to_their_place_and_who_was_refused_does_not() -> None:
    turns = Turns(at_once=1, failures=(ForgeAwayError,))
    await _fail(turns, "failed", ForgeAwayError())
    await _fail(turns, "refused", ValueError())
    assert turns.remembered == 1
    assert await _order(turns, "new", "refused", "failed") == ["failed", "new", "refused"]
    assert turns.remembered == 0


async def test_who_was_served_and_asks_again_has_their_place_once() -> None:
    """The answer was lost on its way: else a pod asks once."""
    turns = Turns(at_once=1)
    assert await _order(turns, "first") == ["first"]
    assert turns.remembered == 0
    assert await _order(turns, "second", "first") == ["first", "second"]
    assert await _order(turns, "third", "first") == ["third", "first"]


async def test_the_place_of_who_does_not_come_back_is_void_after_a_while() -> None:
    now = [0.0]
    turns = Turns(at_once=1, failures=(ForgeAwayError,), clock=lambda: now[0])
    await _fail(turns, "lost", ForgeAwayError())
    now[0] = PATIENCE * HOLD_SECONDS + RETURN_SECONDS
    assert await _order(turns, "early") == ["early"]
    assert turns.remembered == 1
    now[0] += 0.1
    assert await _order(turns, "late", "lost") == ["late", "lost"]
    assert turns.remembered == 0
    now[0] += RETURN_SECONDS + 0.1
    assert await _order(turns, "later", "late") == ["later", "late"]


def test_who_waited_long_because_the_estimate_was_wrong_is_not_away_when_their_turn_comes() -> None:
    async def story() -> tuple[float, int]:
        clock = asyncio.get_running_loop().time
        turns = Turns(at_once=1, clock=clock)
        async with turns.turn("holder"):
            began = clock()
            with pytest.raises(NotYetError) as sent_away:
                await _have_a_turn(turns, "next")
            assert clock() - began == pytest.approx(PATIENCE * HOLD_SECONDS)
        return sent_away.value.retry_after, sent_away.value.ahead

    assert virtual_time.run(story()) == (1.0, 0)


async def test_a_turn_that_comes_at_the_moment_at_which_its_pod_hangs_up_is_passed_on() -> None:
    turns = Turns(at_once=1)
    async with asyncio.timeout(PATIENCE_SECONDS):
        async with turns.turn("holder"):
            waiting = asyncio.create_task(_wait_in_turn(turns, "hangs-up"))
            while not turns._waiting:
                await asyncio.sleep(0)
        assert turns._waiting == []  # it has its turn, and does not know of it yet
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert turns._busy == 0
        async with turns.turn("next"):
            pass


async def test_the_place_of_who_was_sent_away_is_kept_from_the_time_at_which_it_is_to_come_back() -> None:
    now: list[float] = [0.0]
    turns = Turns(at_once=1, room=0, rate=0.01, clock=lambda: now[0])
    async with turns.turn("holder"):
        for who in ("first", "second"):
            with pytest.raises(NotYetError) as sent_away:
                async with turns.turn(who):
                    pytest.fail("its turn has not come")
    away = sent_away.value.retry_after
    assert turns._tickets["second"].void_at == now[0] + away + RETURN_SECONDS
