"""Runner groups of organizations: the number of a named one, and the repositories whose jobs may come from it."""

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from registrar.forges.forge import ForgeError, ForgeRefusedError
from registrar.forges.github.reading import base, field
from registrar.forges.github.session import Session
from values.contract import GITHUB_MOST_REPOSITORIES

DEFAULT_GROUP: Final = 1  # of a repository, which has no other
KEEP_SECONDS: Final = 300.0


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
        self._groups: dict[str, tuple[float, list[Any]]] = {}
        self._repositories: dict[str, tuple[float, tuple[str, ...]]] = {}

    async def number(self, scope: str, name: str | None) -> int:
        """The id of a group by its name; None: the default one. Refuses one that serves public repositories."""
        if "/" in scope:
            return DEFAULT_GROUP
        return int(field(await self._group(scope, name), "id"))

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
        name = str(group.get("name"))
        return frozenset({name, None} if group.get("default") else {name})

    async def _numbered(self, scope: str, number: Any) -> Any:
        for _ in range(2):
            for group in await self._read_groups(scope):
                if group.get("id") == number:
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
            path = f"{base(scope)}/actions/runner-groups/{field(group, 'id')}/repositories"
            if group.get("visibility") == "selected":
                entries = await self._session.pages(scope, "group repositories", path, "repositories")
            else:
                newest = {"sort": "pushed", "per_page": str(GITHUB_MOST_REPOSITORIES)}
                entries = await self._session.ask(scope, "repositories", "GET", f"{base(scope)}/repos", query=newest)
            found |= {str(field(entry, "full_name")) for entry in entries[:GITHUB_MOST_REPOSITORIES]}
        return found

    async def _group(self, scope: str, name: str | None) -> Any:
        groups = await self._read_groups(scope)
        group = next((one for one in groups if (one.get("default") if name is None else one.get("name") == name)), None)
        if group is None:
            self._groups.pop(scope, None)  # it may be made any moment
            names = ", ".join(str(one.get("name")) for one in groups)
            cure = "create it, or correct the environment's runnerGroup"
            raise ForgeRefusedError(f"{scope} has no runner group {name!r}; it has: {names}; {cure}", retry_after=15.0)
        if group.get("allows_public_repositories"):
            self._groups.pop(scope, None)
            found = f"the runner group {group.get('name')!r} of {scope} allows public repositories"
            cure = "anybody could run code here: switch that off in the group's settings, or name another runnerGroup"
            raise ForgeRefusedError(f"{found}; {cure}", retry_after=60.0)
        return group

    async def _read_groups(self, scope: str) -> list[Any]:
        at, groups = self._groups.get(scope, (float("-inf"), []))
        if self._clock() - at >= KEEP_SECONDS:
            groups = await self._session.pages(scope, "groups", f"{base(scope)}/actions/runner-groups", "runner_groups")
            self._groups[scope] = (self._clock(), groups)
        return groups
