"""Four hundred pods at once at a slow forge, minutes that pass in a moment: all served, in order, and none for nobody.

The turns are the registrar's own, with its own numbers; the forge is the time that its calls take. What the rest of a
registrar adds is measured by `make load-curve`.
"""

import asyncio
from dataclasses import dataclass, field

import pytest

from registrar.forges.github.pace import LIMITS, Bucket
from registrar.forges.github.pace import PACE as GITHUB_PACE
from registrar.turns import AT_ONCE, NotYetError, Turns
from tests.registrar import virtual_time

PODS = 400
HANG_UP_SECONDS = 30.0  # as curl in a pod's script
CALLS_SECONDS = (0.25, 0.5, 1.0)


@dataclass
class Crowd:
    """`minted`: registrations, also of those that hung up meanwhile; `served`: the pods' numbers in their order."""

    call_seconds: float
    minted: int = 0
    hung_up: int = 0
    served: list[int] = field(default_factory=list)
    most_remembered: int = 0

    async def come(self, turns: Turns, at_github: bool) -> float:
        """Every pod asks until it is served. Returns the seconds that this took."""
        loop = asyncio.get_running_loop()
        self._changing = asyncio.Lock()
        self._bucket = Bucket(LIMITS.changes, LIMITS.changes_at_once, clock=loop.time)
        await asyncio.gather(*(self._ask(number, turns, at_github) for number in range(PODS)))
        return loop.time()

    async def _ask(self, number: int, turns: Turns, at_github: bool) -> None:
        await asyncio.sleep(number * 0.001)  # so that there is an order
        while True:
            try:
                async with asyncio.timeout(HANG_UP_SECONDS), turns.turn(str(number)):
                    self.most_remembered = max(self.most_remembered, turns.remembered)
                    await (self._at_github() if at_github else self._at_gitea())
            except NotYetError as error:
                await asyncio.sleep(round(error.retry_after))
            except TimeoutError:
                self.hung_up += 1
                await asyncio.sleep(1.0)
            else:
                self.served.append(number)
                return

    async def _at_gitea(self) -> None:
        """A token, then the registration."""
        await asyncio.sleep(self.call_seconds)
        self.minted += 1
        await asyncio.sleep(self.call_seconds)

    async def _at_github(self) -> None:
        """One change, after all that came before it, and not faster than GitHub allows."""
        async with self._changing:
            await self._bucket.take()
            self.minted += 1
            await asyncio.sleep(self.call_seconds)

    def farthest_overtaken(self) -> int:
        """By how many pods at most one was overtaken that had asked before them."""
        place = {number: index for index, number in enumerate(self.served)}
        return max(place[number] - number for number in range(PODS))


@pytest.mark.parametrize("call_seconds", CALLS_SECONDS)
@pytest.mark.parametrize("at_github", [False, True], ids=["gitea", "github"])
def test_every_pod_is_served_once_in_its_turn_and_as_fast_as_the_forge_is(at_github: bool, call_seconds: float) -> None:
    async def story() -> tuple[Crowd, Turns, float]:
        loop = asyncio.get_running_loop()
        turns = Turns(rate=GITHUB_PACE.issues if at_github else float("inf"), clock=loop.time)
        crowd = Crowd(call_seconds)
        return crowd, turns, await crowd.come(turns, at_github)

    crowd, turns, seconds = virtual_time.run(story())
    assert sorted(crowd.served) == list(range(PODS))
    assert crowd.hung_up == 0
    assert crowd.minted == PODS
    assert crowd.farthest_overtaken() <= 4 * AT_ONCE
    at_best = PODS * max(call_seconds, 1 / LIMITS.changes) if at_github else PODS * 2 * call_seconds / AT_ONCE
    assert seconds <= 1.25 * at_best + HANG_UP_SECONDS
    assert crowd.most_remembered <= PODS
    assert turns.remembered == 0
