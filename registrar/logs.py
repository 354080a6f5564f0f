"""One JSON line per thing that happened, on standard output. Never given a secret: callers pass names and reasons."""

import json
import logging
import sys
import time
from collections.abc import Callable
from typing import Any

from aiohttp import ClientConnectionResetError
from aiohttp.http import HttpProcessingError

LOGGER = logging.getLogger("registrar")


class JsonLines(logging.Formatter):
    """Formats a record with its fields as one line."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def is_worth_a_line(record: logging.LogRecord) -> bool:
    """Whether a record of aiohttp's server is about us.

    That a stranger's bytes are no HTTP, or that they hung up before they were told to go on, is no news.
    """
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError | ClientConnectionResetError)


def configure() -> None:
    """Send the registrar's own log to standard output, and other libraries' warnings with it."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    LOGGER.setLevel(logging.INFO)
    logging.getLogger("aiohttp.server").addFilter(is_worth_a_line)


def log(event: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Log one event with its fields."""
    LOGGER.log(level, event, extra={"fields": fields})


class LogBudget:
    """How many lines a second others may cause; what is beyond is counted, and the count is logged."""

    def __init__(self, rate: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._left, self._at, self._dropped = rate, clock(), 0

    def allows(self) -> bool:
        """Whether one more line may be written."""
        now = self._clock()
        self._left = min(self._rate, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            self._dropped += 1
            return False
        self._left -= 1
        if self._dropped:
            log("lines dropped", level=logging.WARNING, number=self._dropped)
            self._dropped = 0
        return True
