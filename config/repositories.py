"""Reads the wiring of repositories at GitHub: their variables, secrets, environments and Actions permissions."""

import re
from collections.abc import Mapping
from typing import Final

from config.fields import Section
from config.wiring_secrets import NAMES, SecretReader, is_variable_name
from values.scope import is_repository
from values.wiring import ActionsPermissions, EnvironmentWiring, RepositoryWiring

ALLOWED_ACTIONS: Final = ("all", "local_only")
MOST_REVIEWERS: Final = 6
_LOGIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:_[A-Za-z0-9]+)?")
_SLUG: Final = re.compile(r"[a-z0-9_][a-z0-9_-]*")


class RepositoryReader:
    """Reads repositories and their environments, which hold the same kinds of things."""

    def __init__(self, root: Section, environment: Mapping[str, str]) -> None:
        self._secrets = SecretReader(root, environment)

    def read(self, section: Section) -> RepositoryWiring:
        """One repository; notes what is wrong with it."""
        section.known("name", "variables", "secrets", "actionsPermissions", "environments")
        wiring = RepositoryWiring(
            path=section.text("name", is_repository, "owner/repository"),
            variables=_read_variables(section),
            secrets=self._secrets.read(section),
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
        variables, secrets = _read_variables(section), self._secrets.read(section)
        if not branches:
            cure = 'name those whose workflows may use it, e.g. [main]; ["*", "*/*"] for all'
            section.note("branches", "nothing", "at least one branch", cure)
        section.once("branches", branches)
        users, teams = _read_reviewers(section)
        return EnvironmentWiring(name, tuple(branches), users, teams, variables, secrets)


def _read_variables(section: Section) -> dict[str, str]:
    allowed = f"a text, under a name of {NAMES}"
    return section.pairs("variables", is_variable_name, bool, allowed)


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
