"""Waiting for a condition by name: looks five times a second, and says what it last saw when time is over."""

import time
from collections.abc import Callable
from typing import TypeVar

from lab.errors import LabError

POLL_SECONDS = 0.2

T = TypeVar("T")


def until(what: str, look: Callable[[], T | None], seconds: float, seen: Callable[[], object] | None = None) -> T:
    """The first truthy answer of `look`. Raises LabError after `seconds`, with what `seen` says by then."""
    end = time.monotonic() + seconds
    while not (answer := look()):
        if time.monotonic() > end:
            last = seen() if seen else answer
            raise LabError(f"waited {seconds:.0f} s until {what}; last seen: {last!r}")
        time.sleep(POLL_SECONDS)
    return answer


def holds_for(what: str, look: Callable[[], object], seconds: float) -> None:
    """Raises LabError as soon as `look` is falsy within `seconds`: for what must not happen."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not look():
            raise LabError(f"it did not hold for {seconds:.0f} s that {what}")
        time.sleep(POLL_SECONDS)
