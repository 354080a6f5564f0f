"""Weeks by their ISO names, e.g. 2026-W48; they begin on Monday at midnight UTC. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, order=True)
class Week:
    """begin is its first moment."""

    begin: datetime

    @property
    def end(self) -> datetime:
        """The first moment of the next one."""
        return self.begin + timedelta(weeks=1)

    def __str__(self) -> str:
        year, week, _ = self.begin.isocalendar()
        return f"{year}-W{week:02}"


def week_of(moment: datetime) -> Week:
    """The week that holds a moment."""
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Week(day - timedelta(days=day.weekday()))


def last_weeks(number: int, now: datetime) -> Iterator[Week]:
    """So many weeks, the present one last."""
    newest = week_of(now)
    for back in range(number - 1, -1, -1):
        yield Week(newest.begin - timedelta(weeks=back))
