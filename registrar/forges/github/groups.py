"""Runner groups of organizations: the number of a named one, and the repositories whose jobs may come from it."""

import re
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from registrar.forges.forge import ForgeError, ForgeRefusedError, ForgeUnreachableError
from registrar.forges.github.reading import base, of
from registrar.forges.github.session import Session
from registrar.untrusted import Entry, words
from values.contract import GITHUB_MOST_REPOSITORIES

DEFAULT_GROUP: Final = 1  # of a repository, which has no other
KEEP_SECONDS: Final = 300.0
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")


class Groups:
    """Remembers what it read for a few minutes. `granted`: the groups that the grants of a scope name."""

    def __init__(
        self,
        session: Session,
        granted: Mapping[str, Collection[str | None]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session, self._granted, self._clock = session, granted, clock
        self._groups: dict[str, tuple[float, list[Entry]]] = {}
        self._repositories: dict[str, tuple[float, tuple[str, ...]]] = {}

    async def number(self, scope: str, name: str | None) -> int:
        """The id of a group by its name; None: the default one. Refuses one that serves public repositories."""
        if "/" in scope:
            return DEFAULT_GROUP
        return of(await self._group(scope, name), lambda group: group.identifier("id"))

    async def names(self, scope: str, number: Any) -> frozenset[str | None]:
        """By what a grant may call a group: its name, and None for the default one. Empty where that is unknown."""
        if "/" in scope or number is None:
            return frozenset()
        try:
            group = await self._numbered(scope, number)
        except ForgeError:
            return frozenset()  # the list of runners must not depend on that of the groups
        if group is None:
            return frozenset({f"number {number}"})
        name = group.words("name")
        return frozenset({name, None} if group.flag("default") else {name})

    async def _numbered(self, scope: str, number: Any) -> Entry | None:
        for _ in range(2):
            for group in await self._read_groups(scope):
                if group.identifier_or_none("id") == number:
                    return group
            self._groups.pop(scope, None)  # it may have been made since
        return None

    async def repositories(self, scope: str) -> tuple[str, ...]:
        """ "owner/repository" of those to look for jobs in: a few of the groups', else the last pushed to."""
        if "/" in scope:
            return (scope,)
        at, found = self._repositories.get(scope, (float("-inf"), ()))
        if self._clock() - at >= KEEP_SECONDS:
            found = tuple(sorted(await self._read_repositories(scope)))
            self._repositories[scope] = (self._clock(), found)
        return found

    async def _read_repositories(self, scope: str) -> set[str]:
        found: set[str] = set()
        for name in self._granted.get(scope) or (None,):
            group = await self._group(scope, name)
            number = of(group, lambda one: one.identifier("id"))
            path = f"{base(scope)}/actions/runner-groups/{number}/repositories"
            if group.words("visibility") == "selected":
                entries = await self._session.pages(scope, "group repositories", path, "repositories")
            else:
                newest = {"sort": "pushed", "per_page": str(GITHUB_MOST_REPOSITORIES)}
                entries = await self._session.ask(scope, "repositories", "GET", f"{base(scope)}/repos", query=newest)
            for entry in entries[:GITHUB_MOST_REPOSITORIES] if isinstance(entries, list) else ():
                repository = of(entry, lambda one: one.text("full_name"))
                if not _REPOSITORY.fullmatch(repository):
                    wrong = f"{words(repository)!r} is no repository"
                    raise ForgeUnreachableError(f"the forge's answer cannot be used: {wrong}")
                found.add(repository)
        return found

    async def _group(self, scope: str, name: str | None) -> Entry:
        groups = await self._read_groups(scope)
        group = next((it for it in groups if (it.flag("default") if name is None else it.words("name") == name)), None)
        if group is None:
            self._groups.pop(scope, None)  # it may be made any moment
            names = ", ".join(it.words("name") for it in groups)
            cure = "create it, or correct the environment's runnerGroup"
            raise ForgeRefusedError(f"{scope} has no runner group {name!r}; it has: {names}; {cure}", retry_after=15.0)
        if group.flag("allows_public_repositories"):
            self._groups.pop(scope, None)
            found = f"the runner group {group.words('name')!r} of {scope} allows public repositories"
            cure = "anybody could run code here: switch that off in the group's settings, or name another runnerGroup"
            raise ForgeRefusedError(f"{found}; {cure}", retry_after=60.0)
        return group

    async def _read_groups(self, scope: str) -> list[Entry]:
        at, groups = self._groups.get(scope, (float("-inf"), []))
        if self._clock() - at >= KEEP_SECONDS:
            path = f"{base(scope)}/actions/runner-groups"
            entries = await self._session.pages(scope, "groups", path, "runner_groups")
            groups = [of(entry, lambda one: one) for entry in entries]
            self._groups[scope] = (self._clock(), groups)
        return groups
