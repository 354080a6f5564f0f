"""A clock for access.clock.Clock that a test drives."""


class DrivenClock:
    """Time passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
