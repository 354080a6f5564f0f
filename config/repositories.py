"""Reads the wiring of repositories at GitHub: their variables, secrets, environments and Actions permissions."""

import re
from collections.abc import Mapping
from typing import Final

from config.fields import Section
from config.kinds import choice, text_kind
from config.wiring_secrets import NAMES, SecretReader, is_variable_name
from values.scope import is_repository
from values.wiring import ActionsPermissions, EnvironmentWiring, RepositoryWiring

ALLOWED_ACTIONS: Final = ("all", "local_only")
MOST_REVIEWERS: Final = 6
_LOGIN: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:_[A-Za-z0-9]+)?"
_SLUG: Final = r"[a-z0-9_][a-z0-9_-]*"
# 48 KB, https://docs.github.com/actions/reference/variables-reference
MOST_BYTES: Final = 48 * 1024
REPOSITORY_KIND: Final = text_kind(
    is_repository,
    "owner/repository",
    "write e.g. mlops/guide, without the forge's address",
    {"pattern": "^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$"},
)
ENVIRONMENT_KIND: Final = text_kind(
    lambda text: 0 < len(text) <= 255 and text == text.strip() and text.isprintable(),
    "a name as in `environment:` of a job, at most 255 letters",
    "write e.g. dev, without blanks around it",
    {"pattern": r"^\S(?:.*\S)?$", "maxLength": 255},
)
BRANCH_KIND: Final = text_kind(
    lambda text: 0 < len(text) <= 255 and text.isprintable() and not any(letter.isspace() for letter in text),
    "a branch, or a pattern such as release/*",
    "write [main, release/*], each branch on its own",
    {"pattern": r"^\S{1,255}$"},
)
LOGIN_KIND: Final = text_kind(
    lambda text: len(text) <= 60 and re.fullmatch(_LOGIN, text) is not None,
    "a user's login",
    "write it without @, as in https://github.com/LOGIN",
    {"pattern": f"^{_LOGIN}$"},
)
TEAM_KIND: Final = text_kind(
    lambda text: len(text) <= 100 and re.fullmatch(_SLUG, text) is not None,
    "a team's slug",
    "write the last part of the team's address, without the organization",
    {"pattern": f"^{_SLUG}$"},
)
VARIABLE_KIND: Final = text_kind(
    is_variable_name, f"a name of {NAMES}", "write it in upper case, and not beginning with GITHUB_"
)
VALUE_KIND: Final = text_kind(
    lambda text: 0 < len(text.encode(errors="replace")) <= MOST_BYTES,
    "a text of 1 to 48 KB",
    "write a text; leave the variable out where there is none",
)


class RepositoryReader:
    """Reads repositories and their environments, which hold the same kinds of things."""

    def __init__(self, root: Section, environment: Mapping[str, str]) -> None:
        self._secrets = SecretReader(root, environment)

    def read(self, section: Section) -> RepositoryWiring:
        """One repository; notes what is wrong with it."""
        section.known("name", "variables", "secrets", "actionsPermissions", "environments")
        wiring = RepositoryWiring(
            path=section.text("name", REPOSITORY_KIND),
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
        name = section.text("name", ENVIRONMENT_KIND)
        branches = section.texts("branches", BRANCH_KIND)
        variables, secrets = _read_variables(section), self._secrets.read(section)
        if not branches:
            cure = 'name those whose workflows may use it, e.g. [main]; ["*", "*/*"] for all'
            section.note("branches", "nothing", "at least one branch", cure)
        section.once("branches", branches)
        users, teams = _read_reviewers(section)
        return EnvironmentWiring(name, tuple(branches), users, teams, variables, secrets)


def _read_variables(section: Section) -> dict[str, str]:
    return section.pairs("variables", VARIABLE_KIND, VALUE_KIND, is_private=True)


def _read_reviewers(environment: Section) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Users and teams."""
    if not environment.has("reviewers"):
        return (), ()
    section = environment.section("reviewers")
    section.known("users", "teams")
    users = section.texts("users", LOGIN_KIND)
    teams = section.texts("teams", TEAM_KIND)
    count = len(users) + len(teams)
    if section.values and not 1 <= count <= MOST_REVIEWERS:
        allowed = f"1 to {MOST_REVIEWERS} users and teams"
        environment.note("reviewers", f"{count} of them", allowed, "leave some out, or name a team: it counts as one")
    return tuple(users), tuple(teams)


def _read_permissions(section: Section) -> ActionsPermissions:
    section.known("allowedActions", "shaPinningRequired")
    return ActionsPermissions(
        allowed_actions=section.text("allowedActions", choice(ALLOWED_ACTIONS)),
        sha_pinning_required=section.flag("shaPinningRequired"),
    )
