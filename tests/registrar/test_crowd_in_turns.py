"""Four hundred pods at once at a slow forge, minutes that pass in a moment: all served, in order, and none for nobody.

The turns are the registrar's own, with its own numbers; the forge is the time that its calls take. What the rest of a
registrar adds is measured by `make load-curve`.
"""

import asyncio
import random
from dataclasses import dataclass, field

import pytest

from registrar.forges.github.pace import LIMITS, Bucket
from registrar.forges.github.pace import PACE as GITHUB_PACE
from registrar.turns import AT_ONCE, NotYetError, Turns
from tests.registrar import virtual_time
from tests.registrar.crowd import HANG_UP_SECONDS, HASTY_SECONDS, HASTY_TRIES
from tests.registrar.visits import MOST_PASSED, Visit, most_passed

PODS = 400
CALLS_SECONDS = (0.25, 0.5, 1.0)


@dataclass
class Crowd:
    """`hasty`: every so-manyth pod hangs up long before it must; 0: none. `minted`: less what was undone.

    `slow_until`: so long each call takes four times as long, as among hundreds of handshakes.
    """

    call_seconds: float
    hasty: int = 0
    slow_until: float = 0.0
    minted: int = 0
    hung_up: int = 0
    visits: dict[int, Visit] = field(default_factory=dict)  # by the pod's number
    most_remembered: int = 0

    async def come(self, turns: Turns, at_github: bool) -> float:
        """Every pod asks until it is served. Returns the seconds that this took."""
        loop = asyncio.get_running_loop()
        self._now = loop.time
        self._changing = asyncio.Lock()
        self._bucket = Bucket(LIMITS.changes, LIMITS.changes_at_once, clock=loop.time)
        await asyncio.gather(*(self._ask(number, turns, at_github) for number in range(PODS)))
        return loop.time()

    async def _ask(self, number: int, turns: Turns, at_github: bool) -> None:
        await asyncio.sleep(number * 0.001)  # so that there is an order
        visit = self.visits[number] = Visit(asked=self._now(), back=self._now())
        chance = random.Random(number)  # noqa: S311 - the same crowd each time, no secret
        tries = 0
        while True:
            is_hasty = self.hasty > 0 and number % self.hasty == 0 and tries < HASTY_TRIES
            tries += 1
            try:
                async with asyncio.timeout(chance.uniform(*HASTY_SECONDS) if is_hasty else HANG_UP_SECONDS):
                    async with turns.turn(str(number)):
                        self.most_remembered = max(self.most_remembered, turns.remembered)
                        await self._register(at_github)
            except NotYetError as error:
                await asyncio.sleep(round(error.retry_after))
            except TimeoutError:
                self.hung_up += 1
                await asyncio.sleep(1.0)
                visit.back = self._now()
            else:
                visit.served = self._now()
                return

    async def _register(self, at_github: bool) -> None:
        """To its end, and undone where nobody waits for it any more: as the registrar does it."""
        call = self._at_github if at_github else self._at_gitea
        registering = asyncio.ensure_future(call())
        try:
            await asyncio.shield(registering)
        except asyncio.CancelledError:
            await registering
            await self._call()
            self.minted -= 1
            raise

    async def _call(self) -> None:
        await asyncio.sleep(self.call_seconds * (4 if self._now() < self.slow_until else 1))

    async def _at_gitea(self) -> None:
        """A token, then the registration."""
        await self._call()
        self.minted += 1
        await self._call()

    async def _at_github(self) -> None:
        """One change, after all that came before it, and not faster than GitHub allows."""
        async with self._changing:
            await self._bucket.take()
            self.minted += 1
            await self._call()


async def crowd_at_turns(crowd: Crowd, at_github: bool) -> tuple[Turns, float]:
    """The turns after the crowd, and how long it took."""
    clock = asyncio.get_running_loop().time
    turns = Turns(rate=GITHUB_PACE.issues if at_github else float("inf"), clock=clock)
    return turns, await crowd.come(turns, at_github)


@pytest.mark.parametrize("call_seconds", CALLS_SECONDS)
@pytest.mark.parametrize("at_github", [False, True], ids=["gitea", "github"])
def test_every_pod_is_served_once_in_its_turn_and_as_fast_as_the_forge_is(at_github: bool, call_seconds: float) -> None:
    crowd = Crowd(call_seconds)
    turns, seconds = virtual_time.run(crowd_at_turns(crowd, at_github))
    assert crowd.hung_up == 0
    assert crowd.minted == len(crowd.visits) == PODS
    assert most_passed(crowd.visits.values()) <= MOST_PASSED
    at_best = PODS * max(call_seconds, 1 / LIMITS.changes) if at_github else PODS * 2 * call_seconds / AT_ONCE
    assert seconds <= 1.25 * at_best + HANG_UP_SECONDS
    assert crowd.most_remembered <= PODS
    assert turns.remembered == 0


@pytest.mark.parametrize("call_seconds", CALLS_SECONDS)
@pytest.mark.parametrize("at_github", [False, True], ids=["gitea", "github"])
@pytest.mark.parametrize("hasty", [8, 2, 1])
def test_who_hangs_up_again_and_again_keeps_the_place_of_their_first_request(
    hasty: int, at_github: bool, call_seconds: float
) -> None:
    crowd = Crowd(call_seconds, hasty=hasty)
    turns, _ = virtual_time.run(crowd_at_turns(crowd, at_github))
    assert hasty == 8 or crowd.hung_up > 0
    assert crowd.minted == len(crowd.visits) == PODS
    assert most_passed(crowd.visits.values()) <= MOST_PASSED
    assert turns.remembered == 0


@pytest.mark.parametrize("call_seconds", CALLS_SECONDS)
@pytest.mark.parametrize("at_github", [False, True], ids=["gitea", "github"])
def test_who_is_sent_away_while_everything_is_slow_is_back_when_their_turn_comes(
    at_github: bool, call_seconds: float
) -> None:
    crowd = Crowd(call_seconds, hasty=4, slow_until=10.0)
    virtual_time.run(crowd_at_turns(crowd, at_github))
    assert most_passed(crowd.visits.values()) <= MOST_PASSED
