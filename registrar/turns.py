"""Turns: who may ask the forge for a registration next. First come, first served, also for who was sent away between.

More pods may start at once than a forge serves while a client waits. Who would have to wait too long is sent away with
a time to come back, and keeps its place: its ticket is older than those of all who came later. So does who hangs up,
whose turn the forge let fail, and, once, who comes back although it was served: its answer was lost.
"""

import asyncio
import heapq
import itertools
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

AT_ONCE = 4
HOLD_SECONDS = 10.0  # that a pod is kept waiting; a client of ours hangs up after 30
PATIENCE = 2.0  # times as long, where there is room or the estimate was wrong
MOST_WAITING = 512  # at all scopes together: half of the connections that pods may have
RETURN_SECONDS = 120.0  # after its time until a ticket is void
MOST_TICKETS = 5000
FIRST_ESTIMATE_SECONDS = 0.1  # that one registration takes, before any was seen: who waits for nothing loses most
RECENT = 2 * AT_ONCE  # turns; the estimate is the quickest: who comes back too early costs little, too late their place
LONGEST_AWAY_SECONDS = 30.0  # an estimate ages, and who is away has no better one


class NotYetError(Exception):
    """It takes too long to wait for: come back after `retry_after` seconds."""

    def __init__(self, ahead: int, retry_after: float) -> None:
        super().__init__(f"{ahead} pods are before this one")
        self.ahead, self.retry_after = ahead, retry_after


@dataclass(kw_only=True)
class _Ticket:
    number: int
    void_at: float
    is_used: bool = False


class Turns:
    """The turns at one scope. `rate`: registrations a second that the forge takes for long.

    `failures`: what ends a turn through no fault of whoever has it. `room`: so many wait here however long that takes:
    whoever is away by an estimate that was too long comes too late.
    """

    def __init__(
        self,
        *,
        rate: float = float("inf"),
        failures: tuple[type[Exception], ...] = (),
        room: int = MOST_WAITING,
        at_once: int = AT_ONCE,
        hold_seconds: float = HOLD_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._room = room
        self._rate, self._at_once, self._hold_seconds, self._clock = rate, at_once, hold_seconds, clock
        self._interrupted: tuple[type[BaseException], ...] = (asyncio.CancelledError, *failures)
        self._tickets: OrderedDict[str, _Ticket] = OrderedDict()
        self._served: OrderedDict[str, _Ticket] = OrderedDict()  # whose answer may be lost
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._sequence = itertools.count()  # one pod may ask twice, and futures have no order
        self._busy = 0
        self._next_number = 0
        self._recent = deque([FIRST_ESTIMATE_SECONDS], maxlen=RECENT)  # seconds that turns took

    @property
    def remembered(self) -> int:
        """How many have a place and no turn yet."""
        return len(self._tickets)

    @asynccontextmanager
    async def turn(self, who: str) -> AsyncIterator[None]:
        """Have a turn, as soon as it comes. Raises NotYetError where that takes too long; the place is kept."""
        ticket = self._ticket(who)
        ahead = self._ahead(ticket)
        wait = ahead / self._throughput()
        if wait > self._hold_seconds and self._busy >= self._at_once and len(self._waiting) >= self._room:
            raise self._not_yet(ticket, ahead, wait)
        await self._take(ticket)
        self._tickets.pop(who, None)
        began = self._clock()
        try:
            yield
        except self._interrupted:
            self._keep(who, ticket)
            raise
        else:
            self._remember(who, ticket)
        finally:
            self._recent.append(self._clock() - began)
            self._give()

    async def _take(self, ticket: _Ticket) -> None:
        if self._busy < self._at_once:
            self._busy += 1
            return
        turn = asyncio.get_running_loop().create_future()
        waiting = (ticket.number, next(self._sequence), turn)
        heapq.heappush(self._waiting, waiting)
        try:
            async with asyncio.timeout(PATIENCE * self._hold_seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._give()  # it came at the very moment at which nobody waited any more
            elif waiting in self._waiting:
                self._waiting.remove(waiting)
                heapq.heapify(self._waiting)
            turn.cancel()
            if isinstance(error, TimeoutError):
                ahead = self._ahead(ticket)
                raise self._not_yet(ticket, ahead, ahead / self._throughput()) from None
            raise

    def _give(self) -> None:
        """Pass a turn on to whoever has waited longest, or free it."""
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._busy -= 1

    def _ticket(self, who: str) -> _Ticket:
        now = self._clock()
        _forget(self._tickets, now)
        _forget(self._served, now)
        ticket = self._tickets.get(who)
        if ticket is None and who in self._served:
            ticket = self._tickets[who] = self._served.pop(who)
        if ticket is None:
            self._next_number += 1
            ticket = self._tickets[who] = _Ticket(number=self._next_number, void_at=0.0)
        ticket.void_at = now + PATIENCE * self._hold_seconds + RETURN_SECONDS
        return ticket

    def _keep(self, who: str, ticket: _Ticket) -> None:
        """Whose turn ended in the middle comes back to the place that they had."""
        ticket.void_at = self._clock() + PATIENCE * self._hold_seconds + RETURN_SECONDS
        self._tickets.setdefault(who, ticket)

    def _remember(self, who: str, ticket: _Ticket) -> None:
        """Who was served and asks again has not heard the answer. Once: nobody stays in front of everybody else."""
        if not ticket.is_used:
            ticket.is_used, ticket.void_at = True, self._clock() + RETURN_SECONDS
            self._served[who] = ticket

    def _ahead(self, ticket: _Ticket) -> int:
        now = self._clock()
        return sum(1 for other in self._tickets.values() if other.number < ticket.number and other.void_at >= now)

    def _throughput(self) -> float:
        return min(self._rate, self._at_once / max(min(self._recent), 0.001))

    def _not_yet(self, ticket: _Ticket, ahead: int, wait: float) -> NotYetError:
        # Half of it: who waits here loses no time, who comes late leaves a gap.
        away = max(1.0, min(wait / 2, LONGEST_AWAY_SECONDS))
        ticket.void_at = self._clock() + away + RETURN_SECONDS
        return NotYetError(ahead, away)


def _forget(tickets: OrderedDict[str, _Ticket], now: float) -> None:
    """Those that are void, and of too many the eldest."""
    while tickets and (len(tickets) > MOST_TICKETS or next(iter(tickets.values())).void_at < now):
        tickets.popitem(last=False)
