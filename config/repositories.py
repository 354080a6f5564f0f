"""Reads the wiring of repositories at GitHub: their variables, secrets, environments and Actions permissions.

A secret's value never stands there: a stack file names it, its value is a config secret or in the environment.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from config.credential import read_secret
from config.fields import Section
from values.scope import is_repository
from values.wiring import ActionsPermissions, EnvironmentWiring, RepositoryWiring

REPOSITORIES_KEY: Final = "repositories"
VARIABLE_PREFIX: Final = "GPU_RUNNERS_SECRET_"
ALLOWED_ACTIONS: Final = ("all", "local_only")
MOST_REVIEWERS: Final = 6
_NAME: Final = re.compile(r"(?!GITHUB_)[A-Z_][A-Z0-9_]*")
_LOGIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:_[A-Za-z0-9]+)?")
_SLUG: Final = re.compile(r"[a-z0-9_][a-z0-9_-]*")
_NAMES: Final = "upper case letters, digits and _, not beginning with a digit or GITHUB_"


def named_secrets(platform: object) -> set[str]:
    """The config keys that the secrets of a platform section are read from, whatever else is wrong with it."""
    found: set[str] = set()
    repositories = _items(platform, REPOSITORIES_KEY)
    for holder in [*repositories, *(each for one in repositories for each in _items(one, "environments"))]:
        for entry in _items(holder, "secrets"):
            source = entry.get("from", entry.get("name")) if isinstance(entry, dict) else entry
            if isinstance(source, str) and _NAME.fullmatch(source):
                found.add(source)
    return found


def _items(holder: object, name: str) -> list[Any]:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, list) else []


class RepositoryReader:
    """Reads repositories and their environments, which hold the same kinds of things."""

    def __init__(self, root: Section, environment: Mapping[str, str]) -> None:
        self._root, self._environment = root, environment
        self._read: dict[str, str] = {}

    def read(self, section: Section) -> RepositoryWiring:
        """One repository; notes what is wrong with it."""
        section.known("name", "variables", "secrets", "actionsPermissions", "environments")
        wiring = RepositoryWiring(
            path=section.text("name", is_repository, "owner/repository"),
            variables=_read_variables(section),
            secrets=self._secrets(section),
            environments=tuple(self._read_environment(item) for item in section.sections("environments")),
            actions_permissions=_read_permissions(section.section("actionsPermissions"))
            if section.has("actionsPermissions")
            else None,
        )
        section.once("environments", [environment.name for environment in wiring.environments])
        return wiring

    def _read_environment(self, section: Section) -> EnvironmentWiring:
        section.known("name", "branches", "reviewers", "variables", "secrets")
        name = section.text("name", _is_environment, "a name as in `environment:` of a job")
        branches = section.texts("branches", _is_pattern, "a branch, or a pattern such as release/*")
        variables, secrets = _read_variables(section), self._secrets(section)
        if not branches:
            cure = 'name those whose workflows may use it, e.g. [main]; ["*", "*/*"] for all'
            section.note("branches", "nothing", "at least one branch", cure)
        section.once("branches", branches)
        users, teams = _read_reviewers(section)
        return EnvironmentWiring(name, tuple(branches), users, teams, variables, secrets)

    def _secrets(self, section: Section) -> dict[str, str]:
        """The values by their names at GitHub. What stands in the file is never shown: it might be a value."""
        found = section.values.get("secrets")
        if found is not None and not isinstance(found, list):
            cure = "write [NAME], then `pulumi config set --secret NAME`; revoke what stood here if it was a secret"
            section.note("secrets", "no list", "a list of names, without values", cure)
            return {}
        values: dict[str, str] = {}
        for index, entry in enumerate(found or []):
            name, source = self._named(section, index, entry)
            if not name or not source:
                continue
            if name in values:
                section.note(f"secrets[{index}]", f"{name} again", "each name once", "remove one")
            values[name] = self._value(section, index, source)
        return values

    def _named(self, section: Section, index: int, entry: object) -> tuple[str, str]:
        """The secret's name at GitHub, and the one that its value goes by here; "" where there is none."""
        if isinstance(entry, dict):
            item = Section(section.at(f"secrets[{index}]"), entry, section.problems)
            item.known("name", "from")
            name, source = entry.get("name"), entry.get("from", entry.get("name"))
        else:
            name = source = entry
        named = [text if isinstance(text, str) and _NAME.fullmatch(text) else "" for text in (name, source)]
        if not all(named):
            allowed = f"a name, or {{name, from}} for a value that goes by another one: {_NAMES}"
            cure = "write the name only; revoke what stood here if it was a secret"
            section.note(f"secrets[{index}]", "something else than a name", allowed, cure)
        return named[0], named[1]

    def _value(self, section: Section, index: int, source: str) -> str:
        variable = f"{VARIABLE_PREFIX}{source}"
        if source not in self._read:  # one in plain text is one problem, however often it is named
            self._read[source] = read_secret(self._root, source, variable, self._environment)
        value = self._read[source]
        if not value:
            cure = f"`pulumi config set --secret {source}`, or set {variable} in the environment"
            section.note(f"secrets[{index}]", f"no value for {source}", "a secret of the config or environment", cure)
        return value


def _read_variables(section: Section) -> dict[str, str]:
    allowed = f"a text, under a name of {_NAMES}"
    return section.pairs("variables", lambda name: _NAME.fullmatch(name) is not None, bool, allowed)


def _read_reviewers(environment: Section) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Users and teams."""
    if not environment.has("reviewers"):
        return (), ()
    section = environment.section("reviewers")
    section.known("users", "teams")
    users = section.texts("users", lambda text: _LOGIN.fullmatch(text) is not None, "a user's login")
    teams = section.texts("teams", lambda text: _SLUG.fullmatch(text) is not None, "a team's slug")
    count = len(users) + len(teams)
    if section.values and not 1 <= count <= MOST_REVIEWERS:
        allowed = f"1 to {MOST_REVIEWERS} users and teams"
        environment.note("reviewers", f"{count} of them", allowed, "a team counts as one")
    return tuple(users), tuple(teams)


def _read_permissions(section: Section) -> ActionsPermissions:
    section.known("allowedActions", "shaPinningRequired")
    return ActionsPermissions(
        allowed_actions=section.text("allowedActions", ALLOWED_ACTIONS.__contains__, " or ".join(ALLOWED_ACTIONS)),
        sha_pinning_required=section.flag("shaPinningRequired"),
    )


def _is_environment(text: str) -> bool:
    return 0 < len(text) <= 255 and text == text.strip() and text.isprintable()


def _is_pattern(text: str) -> bool:
    return bool(text) and not any(character.isspace() for character in text)
