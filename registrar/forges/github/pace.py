"""How fast GitHub may be asked, and when not at all. Knows limits, no requests.

GitHub's secondary limits: 900 points a minute (a read is 1, a change 5), 80 new things a minute, changes one after the
other. Its primary limit is per hour, and it says itself in each answer how much of it is left.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from registrar.forges.forge import ForgeUnreachableError, Pace
from registrar.untrusted import seconds

# Nothing but changed answers counts against the hour (an unchanged one is a 304), so looks may be frequent where little
# happens. `issues` is what LIMITS allow. A conclusion was seen half an hour late (actions/runner#4309). Of a list of
# runners each page counts where one runner on it or before it has come or gone: two pages a minute, however many.
PACE: Final = Pace(
    burst=2.0, active=3.0, idle=5.0, census=60.0, census_each=0.3, connects=2.0, queue=5.0, queue_age=30.0, issues=1.0,
    conclusion=1800.0,
)  # fmt: skip
LEAST_PENALTY_SECONDS: Final = 60.0  # where GitHub refuses for asking too fast and says no time
MOST_PENALTY_SECONDS: Final = 3600.0
JITTER: Final = 0.1  # of a wait, on top: nobody should come back at the very same moment


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Requests a second that go on for long, and at once after a rest."""

    changes: float
    changes_at_once: float
    reads: float
    reads_at_once: float


# In the worst minute 70 changes, below 80 new things, for 350 points, and 520 reads: together below 900 points.
LIMITS: Final = Limits(changes=1.0, changes_at_once=10.0, reads=8.0, reads_at_once=40.0)


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The primary limit as the last answer told it: requests an hour, those left, and seconds until it starts anew."""

    limit: int
    remaining: int
    reset_seconds: float


class Bucket:
    """Lets `burst` through at once and `rate` a second from then on; the rest waits, first come, first served."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._tokens, self._at = burst, clock()

    async def take(self) -> None:
        """Return as soon as one more may go."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate) - 1
        self._at = now
        if self._tokens < 0:
            try:
                await asyncio.sleep(-self._tokens / self._rate)
            except asyncio.CancelledError:
                self._tokens += 1  # it was not used
                raise


class Barrier:
    """Shut for as long as GitHub asked for; while it is shut nothing is sent at all."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = float("-inf")
        self._reason = ""
        self._refusals = 0

    def check(self) -> None:
        """Raises ForgeUnreachableError while it is shut."""
        left = self._until - self._clock()
        if left > 0:
            raise ForgeUnreachableError(f"{self._reason}; nothing is sent for {left:.0f} s", retry_after=left)

    def answered(self) -> None:
        """GitHub took a request: the next refusal is a first one again."""
        self._refusals = 0

    def shut(self, reason: str, headers: Mapping[str, str], now: float) -> ForgeUnreachableError:
        """Shut it as the answer's headers say; `now` is Unix time. Returns the error to raise."""
        self._refusals += 1
        wait = asked_wait(headers, now)
        if wait is None:
            wait = min(LEAST_PENALTY_SECONDS * 2.0 ** min(self._refusals - 1, 16), MOST_PENALTY_SECONDS)
        wait *= 1 + random.uniform(0, JITTER)  # noqa: S311 - spreads load, guards nothing
        self._until = max(self._until, self._clock() + wait)
        self._reason = reason
        return ForgeUnreachableError(f"{reason}; waiting {wait:.0f} s", retry_after=wait)


class Lane:
    """What GitHub limits together: an installation of an App, or a token. One lane's limits leave the others alone."""

    def __init__(self, limits: Limits) -> None:
        self.reads = Bucket(limits.reads, limits.reads_at_once)
        self.changes = Bucket(limits.changes, limits.changes_at_once)
        self.changing = asyncio.Lock()
        self.barrier = Barrier()


def asked_wait(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that GitHub asks for: its Retry-After, else the reset of an exhausted hour, else None."""
    wait = seconds(headers.get("retry-after"), most=MOST_PENALTY_SECONDS)
    if wait is not None:
        return wait
    reset = seconds(headers.get("x-ratelimit-reset"), most=1e12)
    if headers.get("x-ratelimit-remaining") == "0" and reset is not None:
        return min(max(1.0, reset - now), MOST_PENALTY_SECONDS)
    return None
