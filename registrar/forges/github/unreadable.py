"""Repositories of an organization that cannot be read: each costs only itself, is told, and is tried again later."""

import logging
import time
from collections.abc import Callable, Collection
from typing import Final

from registrar.forges.forge import ForgeError
from registrar.forges.github.client import GitHubRefusedError
from registrar.logs import log
from values.scope import Scope

# What GitHub answers about one repository, and not about all of them: it has moved, the credential may not read it or
# not see it, it is gone, or it is blocked by law.
STATUSES: Final = (301, 302, 307, 308, 403, 404, 410, 451)
AGAIN_SECONDS: Final = 60.0
CURE: Final = "let the App's installation or the token read it, or take it out of the runner group"

ObserveUnreadable = Callable[[Scope, int], None]  # an organization, how many of its repositories


def is_unreadable(scope: Scope, error: ForgeError) -> bool:
    """Whether the error is about one repository of an organization; a scope that is a repository has no other."""
    return not scope.is_repository and isinstance(error, GitHubRefusedError) and error.status in STATUSES


class Unreadable:
    """Those of every scope."""

    def __init__(self, observe: ObserveUnreadable, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._observe, self._clock = observe, clock
        self._found: dict[Scope, dict[Scope, tuple[float, ForgeError]]] = {}

    def add(self, scope: Scope, repository: Scope, error: ForgeError) -> None:
        """It is left out from now on."""
        known = self._found.setdefault(scope, {})
        if repository not in known:
            text = str(error)
            log(
                "repository unreadable",
                level=logging.WARNING,
                scope=scope,
                repository=repository,
                error=text,
                cure=CURE,
            )
        known[repository] = (self._clock(), error)
        self._observe(scope, len(known))

    def remove(self, scope: Scope, repository: Scope) -> None:
        """It can be read."""
        known = self._found.setdefault(scope, {})
        if known.pop(repository, None) is not None:
            log("repository readable again", scope=scope, repository=repository)
        self._observe(scope, len(known))

    def keep(self, scope: Scope, repositories: Collection[Scope]) -> None:
        """Forget those that are none of the scope's any more."""
        known = self._found.setdefault(scope, {})
        for gone in known.keys() - set(repositories):
            del known[gone]
        self._observe(scope, len(known))

    def left_out(self, scope: Scope, repository: Scope) -> ForgeError | None:
        """Why it is not asked now; None where it is to be asked."""
        at, error = self._found.get(scope, {}).get(repository, (float("-inf"), None))
        return error if self._clock() - at < AGAIN_SECONDS else None
