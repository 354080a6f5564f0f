"""How many of those who ask a stand-in do so at the same time."""


class AtOnce:
    """Whoever asks is in its block for as long as it takes. `most`: how many were there together, at the most."""

    def __init__(self) -> None:
        self.most = self._now = 0

    def __enter__(self) -> None:
        self._now += 1
        self.most = max(self.most, self._now)

    def __exit__(self, *error: object) -> None:
        self._now -= 1
