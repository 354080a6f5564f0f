"""Runner groups of organizations: the number of a named one, and the repositories whose jobs may come from it."""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from registrar.forges.forge import ForgeError, ForgeRefusedError
from registrar.forges.github.reading import of
from registrar.forges.github.session import Session
from registrar.logs import log
from registrar.untrusted import Entry, words
from values.contract import GITHUB_MOST_REPOSITORIES
from values.runner_group import is_meant
from values.scope import Scope, is_repository

DEFAULT_GROUP: Final = 1  # of a repository, which has no other
KEEP_SECONDS: Final = 300.0


@dataclass(frozen=True, kw_only=True)
class _Served:
    """Whose jobs a group's runners take: of these repositories or of all, of these workflows or of any (None)."""

    repositories: frozenset[Scope]
    is_for_all: bool
    workflows: tuple[str, ...] | None

    def serves(self, repository: Scope, file: str) -> bool:
        """Whether a job of this workflow file may come here; of which version it is GitHub decides."""
        if not self.is_for_all and repository.path.lower() not in {it.path.lower() for it in self.repositories}:
            return False
        mine = f"{repository}/{file}@".lower()
        return self.workflows is None or any(entry.lower().startswith(mine) for entry in self.workflows)


class Groups:
    """Remembers what it read for a few minutes. `granted`: the groups that the grants of a scope name."""

    def __init__(
        self,
        session: Session,
        granted: Mapping[Scope, Collection[str | None]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session, self._granted, self._clock = session, granted, clock
        self._groups: dict[Scope, tuple[float, list[Entry]]] = {}
        self._repositories: dict[Scope, tuple[float, dict[str | None, _Served]]] = {}
        self._cut: set[tuple[Scope, str | None]] = set()  # the groups of whose repositories only some are looked into

    async def number(self, scope: Scope, name: str | None) -> int:
        """The id of a group by its name; None: the default one. Refuses one that serves public repositories."""
        if scope.is_repository:
            return DEFAULT_GROUP
        return of(await self._group(scope, name), lambda group: group.identifier("id"))

    def forget(self, scope: Scope) -> None:
        """Read the groups and their repositories anew before they are used again."""
        self._groups.pop(scope, None)
        self._repositories.pop(scope, None)

    async def names(self, scope: Scope, number: Any) -> frozenset[str | None]:
        """By what a grant may call a group: its name, and None for the default one. Empty where that is unknown."""
        if scope.is_repository or number is None:
            return frozenset()
        try:
            group = await self._numbered(scope, number)
        except ForgeError:
            return frozenset()  # the list of runners must not depend on that of the groups
        if group is None:
            return frozenset({f"number {number}"})
        name = group.words("name")
        return frozenset({name, None} if group.flag("default") else {name})

    async def workflows(self, scope: Scope, names: Collection[str | None]) -> tuple[str, ...] | None:
        """The workflows that alone may use the group of these names, asked afresh; None where any may."""
        self._groups.pop(scope, None)
        for group in await self._read_groups(scope):
            if names and any(is_meant(it, name=group.words("name"), is_default=group.flag("default")) for it in names):
                selected = of(group, lambda it: it.values("selected_workflows"))
                return tuple(map(str, selected)) if group.flag("restricted_to_workflows") else None
        return None

    async def _numbered(self, scope: Scope, number: Any) -> Entry | None:
        for _ in range(2):
            for group in await self._read_groups(scope):
                if group.identifier_or_none("id") == number:
                    return group
            self._groups.pop(scope, None)  # it may have been made since
        return None

    async def repositories(self, scope: Scope) -> tuple[Scope, ...]:
        """Those to look for jobs in: a few of the groups', else the last pushed to."""
        if scope.is_repository:
            return (scope,)
        served = await self._served(scope)
        return tuple(sorted({repository for group in served.values() for repository in group.repositories}))

    async def serving(self, scope: Scope, repository: Scope, file: str) -> frozenset[str | None] | None:
        """The granted groups whose runners may take a job of this workflow file; None for a repository's runners."""
        if scope.is_repository:
            return None
        served = await self._served(scope)
        return frozenset(name for name, group in served.items() if group.serves(repository, file))

    async def _served(self, scope: Scope) -> dict[str | None, "_Served"]:
        at, served = self._repositories.get(scope, (float("-inf"), {}))
        if self._clock() - at >= KEEP_SECONDS:
            served = await self._read_all_served(scope)
            self._repositories[scope] = (self._clock(), served)
        return served

    async def _read_all_served(self, scope: Scope) -> dict[str | None, "_Served"]:
        """Of every group that can be read. Raises ForgeError where that is none."""
        served: dict[str | None, _Served] = {}
        refusals: list[ForgeRefusedError] = []
        for name in self._granted.get(scope) or (None,):
            try:
                served[name] = await self._read_served(scope, name)
            except ForgeRefusedError as error:  # one that was deleted costs only itself
                refusals.append(error)
                log("runner group unreadable", level=logging.WARNING, scope=scope, error=str(error))
        if refusals and not served:
            raise refusals[0]
        return served

    async def _read_served(self, scope: Scope, name: str | None) -> "_Served":
        group = await self._group(scope, name)
        number = of(group, lambda fields: fields.identifier("id"))
        is_selected = group.words("visibility") == "selected"
        if is_selected:
            path = f"{scope.groups_path}/{number}/repositories"
            entries = await self._session.pages(scope, "group repositories", path, "repositories")
        else:
            newest = {"sort": "pushed", "per_page": str(GITHUB_MOST_REPOSITORIES + 1)}  # one more, to know of it
            entries = await self._session.ask(scope, "repositories", "GET", f"{scope.api_path}/repos", query=newest)
        listed = entries if isinstance(entries, list) else []
        few = listed[:GITHUB_MOST_REPOSITORIES]
        self._tell_cut(scope, name, is_cut=len(few) < len(listed))
        repositories = frozenset(it for entry in few if (it := _repository(scope, entry)) is not None)
        selected = of(group, lambda fields: fields.values("selected_workflows"))
        return _Served(
            repositories=repositories,
            is_for_all=not is_selected,
            workflows=tuple(map(str, selected)) if group.flag("restricted_to_workflows") else None,
        )

    def _tell_cut(self, scope: Scope, name: str | None, *, is_cut: bool) -> None:
        """Once, that jobs of some repositories wait unseen: no pool comes up for them."""
        if not is_cut:
            self._cut.discard((scope, name))
        elif (scope, name) not in self._cut:
            self._cut.add((scope, name))
            log(
                "jobs of some repositories are not seen",
                level=logging.WARNING,
                scope=scope,
                group=name or "the default one",
                seen=GITHUB_MOST_REPOSITORIES,
                cure=f"use a runner group of at most {GITHUB_MOST_REPOSITORIES} repositories",
            )

    async def _group(self, scope: Scope, name: str | None) -> Entry:
        groups = await self._read_groups(scope)
        meant = (it for it in groups if is_meant(name, name=it.words("name"), is_default=it.flag("default")))
        group = next(meant, None)
        if group is None:
            self._groups.pop(scope, None)  # it may be made any moment
            names = ", ".join(it.words("name") for it in groups)
            cure = "create it, or correct the environment's runnerGroup"
            raise ForgeRefusedError(f"{scope} has no runner group {name!r}; it has: {names}; {cure}", retry_after=15.0)
        if group.flag("allows_public_repositories"):
            self._groups.pop(scope, None)
            problem = f"the runner group {group.words('name')!r} of {scope} allows public repositories"
            cure = "anybody could run code here: switch that off in the group's settings, or name another runnerGroup"
            raise ForgeRefusedError(f"{problem}; {cure}", retry_after=60.0)
        return group

    async def _read_groups(self, scope: Scope) -> list[Entry]:
        at, groups = self._groups.get(scope, (float("-inf"), []))
        if self._clock() - at >= KEEP_SECONDS:
            entries = await self._session.pages(scope, "groups", scope.groups_path, "runner_groups")
            groups = [of(entry, lambda fields: fields) for entry in entries]
            self._groups[scope] = (self._clock(), groups)
        return groups


def _repository(scope: Scope, listed: Any) -> Scope | None:
    """As GitHub names one, `owner/repository`; None for an entry that names none, which costs only itself."""
    path = listed.get("full_name") if isinstance(listed, Mapping) else None
    if isinstance(path, str) and is_repository(path):
        return Scope(path)
    found = words(path) if isinstance(path, str) else type(listed).__name__
    log("repository without a name", level=logging.WARNING, scope=scope, found=found)
    return None
