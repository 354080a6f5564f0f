"""The demo as it is told: every event is printed when it is known, and the marks of the closing table are kept."""

import time
from collections.abc import Sequence

from lab.demo import timeline


class Story:
    """Prints the timeline. Its clock starts when it is made."""

    def __init__(self) -> None:
        self._start = time.time()
        self.marks: dict[str, float] = {}

    def log(self, source: str, text: str, at: float | None = None) -> None:
        """One line; `at` is when it happened, in seconds since the epoch, now unless given."""
        print(timeline.line(timeline.Event(at or time.time(), source, text), self._start), flush=True)

    def mark(self, name: str, at: float | None = None) -> None:
        """Keeps the first time that something happened, for the closing table."""
        self.marks.setdefault(name, at or time.time())

    def close(self, trigger: tuple[str, str], milestones: Sequence[timeline.Milestone] = timeline.MILESTONES) -> None:
        """Prints the closing table; `trigger` and `milestones` as it takes them."""
        print(f"\n{timeline.table(self.marks, trigger, milestones)}\n", flush=True)
