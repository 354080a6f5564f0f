"""GitHub's request limits: the hourly budget, the points per minute and requests at once. Knobs, not facts."""

from collections import defaultdict, deque
from dataclasses import dataclass

from lab.github.clock import Clock

HOUR = 3600.0
MINUTE = 60.0
WRITE_POINTS = 5


@dataclass
class Budget:
    """What one token's owner has spent in the running hour, which ends at `reset`."""

    used: int = 0
    reset: float = 0.0


@dataclass
class Limits:
    """None switches a limit off. `writes_per_minute` counts what makes or changes something."""

    core_per_hour: int = 5000
    points_per_minute: int | None = 900
    concurrent: int | None = 100
    writes_per_minute: int | None = None


@dataclass(frozen=True)
class Excess:
    """Why a request is turned away; `retry_after` in seconds, None for the hourly budget, which names its reset."""

    message: str
    retry_after: int | None


class Meter:
    """Counts requests per token's owner."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.limits = Limits()
        self.running = 0
        self.most_running = 0
        self.turned_away = 0
        self._budgets: defaultdict[str, Budget] = defaultdict(Budget)
        self._recent: defaultdict[str, deque[tuple[float, int]]] = defaultdict(deque)

    def excess(self, owner: str, *, write: bool) -> Excess | None:
        """Counts one request; returns why it may not pass, or None."""
        excess = self._secondary(owner, write=write)
        budget = self._budget(owner)
        if excess is None and budget.used >= self.limits.core_per_hour:
            excess = Excess(f"API rate limit exceeded for {owner}.", None)
        if excess is not None:
            self.turned_away += 1
            return excess
        budget.used += 1
        return None

    def free(self, owner: str) -> None:
        """Gives one request back: an answer 304 costs nothing."""
        self._budget(owner).used -= 1

    def headers(self, owner: str) -> dict[str, str]:
        """The budget as every answer tells it."""
        budget, limit = self._budget(owner), self.limits.core_per_hour
        return {
            "x-ratelimit-limit": str(limit),
            "x-ratelimit-remaining": str(max(0, limit - budget.used)),
            "x-ratelimit-used": str(budget.used),
            "x-ratelimit-reset": str(int(budget.reset)),
            "x-ratelimit-resource": "core",
        }

    def exhaust(self, seconds: float) -> None:
        """A knob: every budget known so far is empty until then."""
        for budget in self._budgets.values():
            budget.used, budget.reset = self.limits.core_per_hour, self._clock.now() + seconds

    def _budget(self, owner: str) -> Budget:
        budget = self._budgets[owner]
        if budget.reset <= self._clock.now():
            budget.used, budget.reset = 0, self._clock.now() + HOUR
        return budget

    def _secondary(self, owner: str, *, write: bool) -> Excess | None:
        now, recent = self._clock.now(), self._recent[owner]
        while recent and recent[0][0] <= now - MINUTE:
            recent.popleft()
        points = sum(cost for _, cost in recent)
        writes = sum(cost == WRITE_POINTS for _, cost in recent)
        cost = WRITE_POINTS if write else 1
        limits = self.limits
        wait = max(1, int(recent[0][0] + MINUTE - now) + 1) if recent else 1
        message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
        if limits.concurrent is not None and self.running > limits.concurrent:
            return Excess(message, 1)
        if limits.points_per_minute is not None and points + cost > limits.points_per_minute:
            return Excess(message, wait)
        if write and limits.writes_per_minute is not None and writes >= limits.writes_per_minute:
            return Excess(message, wait)
        recent.append((now, cost))
        return None
