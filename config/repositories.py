"""Reads the wiring of repositories at GitHub: their variables, secrets, environments and Actions permissions."""

import re
from collections.abc import Mapping
from typing import Final

from config.fields import Section
from config.kinds import TextKind, choice, text_kind
from config.scope import why_not_at_github
from config.wiring_secrets import NAMES, SecretReader, is_variable_name
from values.scope import Scope, is_repository
from values.wiring import ActionsPermissions, EnvironmentWiring, RepositoryWiring

ALLOWED_ACTIONS: Final = ("all", "local_only")
MOST_REVIEWERS: Final = 6
_LOGIN: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:_[A-Za-z0-9]+)?"
_SLUG: Final = r"[a-z0-9_][a-z0-9_-]*"
# 48 KB, https://docs.github.com/actions/reference/variables-reference
MOST_BYTES: Final = 48 * 1024
MOST_VARIABLES: Final = {"repository": 500, "environment": 100}
MOST_BRANCHES: Final = 200
_HEADS: Final = "refs/heads/"
# What git takes in no branch's name (git check-ref-format), but for the signs of a pattern.
_NO_BRANCH: Final = re.compile(r"[\x00-\x20\x7f~^:\\]|\.\.|@\{|//|^[/.-]|/\.|[/.]$|\.lock(?:/|$)|^refs/")


def _is_branch_pattern(text: str) -> bool:
    is_closed = text.count("[") == text.count("]")
    return 0 < len(text) <= 255 and text.isprintable() and is_closed and _NO_BRANCH.search(text) is None


REPOSITORY_KIND: Final = text_kind(
    is_repository,
    "owner/repository",
    "write e.g. mlops/guide, without the forge's address",
    {"pattern": "^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$"},
)
GITHUB_REPOSITORY_KIND: Final = TextKind(
    lambda text: is_repository(text) and not why_not_at_github(Scope(text)),
    REPOSITORY_KIND.allowed,
    lambda text: (
        f"write e.g. mlops/guide: {why_not_at_github(Scope(text))}"
        if is_repository(text)
        else REPOSITORY_KIND.cure(text)
    ),
    REPOSITORY_KIND.schema,
)
ENVIRONMENT_KIND: Final = text_kind(
    lambda text: 0 < len(text) <= 255 and text == text.strip() and text.isprintable() and bool(text.strip(".")),
    "a name as in `environment:` of a job, at most 255 letters",
    "write e.g. dev, without blanks around it",
    {"pattern": r"^\S(?:.*\S)?$", "maxLength": 255},
)
BRANCH_KIND: Final = TextKind(
    _is_branch_pattern,
    "a branch, or a pattern such as release/*",
    lambda text: (
        f"write {text.removeprefix(_HEADS)}: GitHub compares the branch's own name"
        if text.startswith(_HEADS) and _is_branch_pattern(text.removeprefix(_HEADS))
        else "write [main, release/*], each branch on its own"
    ),
    {"pattern": r"^(?!refs/|[/.-])(?!.*(?:\.\.|//|@\{|\.lock$))[^\s~^:\\]{1,255}$"},
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
            path=section.text("name", GITHUB_REPOSITORY_KIND),
            variables=_read_variables(section, "repository"),
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
        branches = section.texts("branches", BRANCH_KIND, MOST_BRANCHES)
        variables, secrets = _read_variables(section, "environment"), self._secrets.read(section)
        if not branches and section.is_well("branches"):
            cure = 'name those whose workflows may use it, e.g. [main]; ["*", "*/*"] for all'
            section.note("branches", "nothing", "at least one branch", cure)
        section.once("branches", branches)
        users, teams = _read_reviewers(section)
        return EnvironmentWiring(name, tuple(branches), users, teams, variables, secrets)


def _read_variables(section: Section, where: str) -> dict[str, str]:
    variables = section.pairs("variables", VARIABLE_KIND, VALUE_KIND, is_private=True)
    if len(variables) > MOST_VARIABLES[where]:
        allowed = f"at most {MOST_VARIABLES[where]}, as many as GitHub takes of one {where}"
        section.note("variables", f"{len(variables)} of them", allowed, "leave some out, or put several into one")
    return variables


def _read_reviewers(environment: Section) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Users and teams."""
    if not environment.has("reviewers"):
        return (), ()
    section = environment.section("reviewers")
    section.known("users", "teams")
    users = section.texts("users", LOGIN_KIND)
    teams = section.texts("teams", TEAM_KIND)
    count = len(users) + len(teams)
    if environment.is_well("reviewers") and not 1 <= count <= MOST_REVIEWERS:  # nobody at all would let every job in
        allowed = f"1 to {MOST_REVIEWERS} users and teams"
        cure = "leave some out, or name a team: it counts as one" if count else "name them, or remove `reviewers`"
        environment.note("reviewers", f"{count} of them", allowed, cure)
    section.once("users", users)
    section.once("teams", teams)
    return tuple(users), tuple(teams)


def _read_permissions(section: Section) -> ActionsPermissions:
    section.known("allowedActions", "shaPinningRequired")
    return ActionsPermissions(
        allowed_actions=section.text("allowedActions", choice(ALLOWED_ACTIONS)),
        sha_pinning_required=section.flag("shaPinningRequired"),
    )
