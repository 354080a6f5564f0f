"""How long GitHub will still serve the versions of the runners that are seen: it stops after weeks, not years."""

import re
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Final

from registrar.forges.forge import ForgeError
from registrar.forges.github.reading import moment, of
from registrar.forges.github.session import Session
from registrar.untrusted import Entry
from values.scope import Scope

KEEP_SECONDS: Final = 6 * 3600.0
RETRY_SECONDS: Final = 600.0
WARN_DAYS: Final = 28.0
DAY_SECONDS: Final = 86400.0
MOST_VERSIONS: Final = 16  # that are asked about: a version is the runner's own word
DATES: Final = ("registration_deprecates_at", "runtime_deprecates_at")
_VERSION: Final = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6}){1,3}")

ObserveDaysLeft = Callable[[str, float], None]  # version, days that are left


class Versions:
    """Asks once in a few hours per version. A GHES serves every version and does not know the question."""

    def __init__(
        self,
        session: Session,
        observe_days_left: ObserveDaysLeft,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._session, self._observe_days_left, self._clock, self._now = session, observe_days_left, clock, now
        self._ask_again: dict[str, float] = {}
        self._ends: dict[str, datetime] = {}

    async def check(self, scope: Scope, versions: Collection[str]) -> None:
        """Learn about these versions. What cannot be learnt now is no failure."""
        now = self._clock()
        self._ask_again = {version: at for version, at in self._ask_again.items() if at > now}  # a runner names any
        for version in sorted(filter(_VERSION.fullmatch, versions))[:MOST_VERSIONS]:
            if self._clock() < self._ask_again.get(version, float("-inf")):
                continue
            try:
                path = f"{scope.runners_path}/deprecations/{version}"
                answer = await self._session.find(scope, "version", path) or Entry({})
                dates = of(answer, lambda entry: [moment(entry.words(key, most=40)) for key in DATES])
            except ForgeError:
                self._ask_again[version] = self._clock() + RETRY_SECONDS
                continue
            self._ask_again[version] = self._clock() + KEEP_SECONDS
            known = [date for date in dates if date is not None]
            if known:
                self._ends[version] = min(known)
                self._observe_days_left(version, self._days(version))

    def warning(self, version: str) -> str:
        """What to say about a runner of this version, "" if nothing."""
        if version not in self._ends or self._days(version) > WARN_DAYS:
            return ""
        when = f"{self._ends[version]:%Y-%m-%d}"
        return f"GitHub serves runner version {version} until {when}: set runnerImage to a newer one before"

    def _days(self, version: str) -> float:
        return (self._ends[version] - self._now()).total_seconds() / DAY_SECONDS
