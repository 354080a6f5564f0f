"""LeftRuns: runs that went on by one look and not by the next. A job of theirs may have begun and ended in between."""

from collections.abc import Collection
from typing import Any, Final

from values.scope import Scope

MOST_LEFT: Final = 30  # of a repository: a runner's job is looked for seconds after its run has left


class LeftRuns:
    """Remembers the last ones of each repository by the keys of their jobs: the name of the repository, and an id."""

    def __init__(self) -> None:
        self._left: dict[Scope, dict[str, None]] = {}

    def __contains__(self, key: str) -> bool:
        return any(key in left for left in self._left.values())

    def note(self, repository: Scope, before: Collection[str], now: Collection[str]) -> None:
        """What went on by two looks, one after the other. A run that goes on again has not left."""
        left = self._left.setdefault(repository, {})
        for key in now:
            left.pop(key, None)
        left |= dict.fromkeys(key for key in before if key not in now)
        for key in list(left)[:-MOST_LEFT]:
            del left[key]

    def last(self, repository: Scope, *, but: Collection[str]) -> list[dict[str, Any]]:
        """The runs of other keys than these, as far as it takes to ask for their jobs; that which left last is last."""
        left = self._left.get(repository, {})
        return [{"id": int(key.rpartition(" ")[2])} for key in left if key not in but]

    def keep(self, repositories: Collection[Scope]) -> None:
        """Forget all others."""
        for gone in self._left.keys() - set(repositories):
            del self._left[gone]
