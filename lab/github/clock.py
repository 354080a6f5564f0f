"""The stand-in's clock, which can be wrong on purpose: a client's JWT is judged by the server's time."""

import time
from datetime import UTC, datetime
from email.utils import format_datetime


class Clock:
    """Wall time plus a skew in seconds."""

    def __init__(self) -> None:
        self.skew = 0.0

    def now(self) -> float:
        """Seconds since the epoch, as this server believes."""
        return time.time() + self.skew

    def http_date(self) -> str:
        """The `Date` header of an answer."""
        return format_datetime(datetime.fromtimestamp(int(self.now()), UTC), usegmt=True)


def timestamp(seconds: float) -> str:
    """A time as the API writes it: `2026-11-24T09:00:00Z`."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
