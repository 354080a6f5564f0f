"""Repositories of an organization that cannot be read: each costs only itself, is told, and is tried again later.

One that gives errors alone (5xx) may be well in a moment, and is asked on. What was known of it is believed for a
while: the jobs that waited then may have been cancelled since, and would have a pool keep its GPUs for ever.
"""

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
BELIEVED_SECONDS: Final = 120.0  # after the first of its errors in a row, of which there is one in each reading
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
        self._failing: dict[Scope, dict[Scope, float]] = {}  # since when those give errors that are asked on
        self._silent: dict[Scope, set[Scope]] = {}  # of these, the ones for too long

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
        self._tell(scope)

    def fails(self, scope: Scope, repository: Scope, error: ForgeError) -> bool:
        """It gave an error, and is asked on. Whether it has just become silent."""
        since = self._failing.setdefault(scope, {}).setdefault(repository, self._clock())
        silent = self._silent.setdefault(scope, set())
        if repository in silent or self._clock() - since < BELIEVED_SECONDS:
            return False
        silent.add(repository)
        log(
            "jobs that wait in a repository do not count until it answers",
            level=logging.WARNING,
            scope=scope,
            repository=repository,
            error=str(error),
        )
        self._tell(scope)
        return True

    def is_silent(self, scope: Scope, repository: Scope) -> bool:
        """Whether it has given nothing but errors for so long that what is known of it is no longer believed."""
        return repository in self._silent.get(scope, ())

    def remove(self, scope: Scope, repository: Scope) -> bool:
        """It can be read. Whether it could not be, or was silent."""
        was_found = self._found.setdefault(scope, {}).pop(repository, None) is not None
        was_silent = self.is_silent(scope, repository)
        self._forget_errors(scope, repository)
        if was_found or was_silent:
            log("repository readable again", scope=scope, repository=repository)
        self._tell(scope)
        return was_found or was_silent

    def keep(self, scope: Scope, repositories: Collection[Scope]) -> None:
        """Forget those that are none of the scope's any more."""
        known = self._found.setdefault(scope, {})
        for gone in known.keys() - set(repositories):
            del known[gone]
        for gone in self._failing.get(scope, {}).keys() - set(repositories):
            self._forget_errors(scope, gone)
        self._tell(scope)

    def left_out(self, scope: Scope, repository: Scope) -> ForgeError | None:
        """Why it is not asked now; None where it is to be asked."""
        at, error = self._found.get(scope, {}).get(repository, (float("-inf"), None))
        return error if self._clock() - at < AGAIN_SECONDS else None

    def _forget_errors(self, scope: Scope, repository: Scope) -> None:
        self._failing.get(scope, {}).pop(repository, None)
        self._silent.get(scope, set()).discard(repository)

    def _tell(self, scope: Scope) -> None:
        self._observe(scope, len(self._found.get(scope, {}).keys() | self._silent.get(scope, set())))
