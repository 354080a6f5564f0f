"""Reads a scope: the one URL that says which forge it is, and what of it."""

import re
from typing import Final

from config.fields import Section
from values.forge_url import is_own_address
from values.github import is_owner
from values.problem import quoted
from values.scope import GITEA, GITHUB, ForgeScope, Scope, parse_scope
from values.secrecy import without_secrets
from values.visible_text import visible

ALLOWED: Final = "the URL of a repository, an owner or the whole forge"
_PATTERN: Final = r"^[Hh][Tt][Tt][Pp][Ss]?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9_.-]+){0,2}/?$"
EXAMPLES: Final = {
    GITHUB: "https://github.com/owner/repository, or https://github.com/organization",
    GITEA: "https://gitea.example.com/owner/repository",
}
_GITHUB_COM: Final = "github.com"
# Forges that everybody knows and that are Gitea, or so like it that they are asked alike.
_GITEA_HOSTS: Final = ("gitea.com", "codeberg.org")
# Forges that are neither, and GitHub's other services.
_FOREIGN_HOSTS: Final = ("gitlab.com", "bitbucket.org", "githubusercontent.com", "github.io", "dev.azure.com")
# What github.com has where an owner would be; people copy such addresses out of their browser.
_PAGES: Final = (
    *("about", "apps", "codespaces", "collections", "enterprises", "explore", "features", "issues", "login", "logout"),
    *("marketplace", "new", "notifications", "orgs", "organizations", "pricing", "pulls", "search", "settings"),
    *("site", "sponsors", "stars", "topics", "trending", "users"),
)
_LONGEST_REPOSITORY: Final = 100
# An address as people have it at hand: copied from a browser or an API, for git, or without a scheme.
_ABOUT: Final = re.compile(
    r"(?:[a-z+]+:/{1,2})?(?:[^@/\s]*@)?(?P<host>[A-Za-z0-9.-]+\.[A-Za-z]{2,})(?::[0-9]+)?[:/]/?(?:repos/|orgs/)?"
    r"(?P<owner>[A-Za-z0-9_.-]+)(?:/(?P<repository>[A-Za-z0-9_.-]+))?(?:[/?#].*)?",
    re.ASCII | re.IGNORECASE,
)


def read_scope(section: Section, forge: str) -> ForgeScope:
    """The field `scope`; notes what is wrong with it."""
    section.reads("scope", {"type": "string", "format": "uri", "pattern": _PATTERN, "description": ALLOWED})
    value = section.value("scope")
    try:
        if not isinstance(value, str):
            raise ValueError("it is no text")  # noqa: TRY004, TRY301 - one more thing that a scope is not
        scope = parse_scope(forge, value)
        _check_names(scope)
    except ValueError as error:
        cure = f"write {_meant(forge, value) or f'e.g. {EXAMPLES.get(forge, EXAMPLES[GITEA])}'}"
        section.note("scope", f"{quoted(value)}: {error}", ALLOWED, cure)
        return ForgeScope(forge, "", "")
    noted = len(section.problems)
    _check_host(section, scope)
    return scope if len(section.problems) == noted else ForgeScope(forge, "", "")


def _meant(forge: str, value: object) -> str:
    """The scope that somebody probably meant; "" where nobody can tell. Of a login before the host nothing is left."""
    match = _ABOUT.fullmatch(visible(value)) if isinstance(value, str) else None
    if match is None or without_secrets(match[0]) != match[0]:
        return ""
    host, path = match["host"].lower().removeprefix("api."), f"/{match['repository']}" if match["repository"] else ""
    meant = f"https://{host}/{match['owner']}{path.removesuffix('.git')}"
    try:
        scope = parse_scope(forge, meant)
        _check_names(scope)
    except ValueError:
        return ""
    is_page = scope.host == _GITHUB_COM and scope.scope.owner.lower() in _PAGES
    return "" if is_page or host.endswith(_FOREIGN_HOSTS) else meant


def _check_names(scope: ForgeScope) -> None:
    """Raises ValueError for what no account and no repository of GitHub is called."""
    if scope.kind == GITHUB and (why := why_not_at_github(scope.scope)):
        raise ValueError(why)


def why_not_at_github(scope: Scope) -> str:
    """Why GitHub has no such account or repository; "" where it may."""
    if not is_owner(scope.owner):
        return "its owner is none at GitHub: at most 39 letters, digits and -, the first no -"
    if len(scope.repository) > _LONGEST_REPOSITORY:
        return f"its repository's name is longer than the {_LONGEST_REPOSITORY} letters that GitHub takes"
    if scope.repository.lower().endswith((".git", ".wiki")):
        return "its repository's name ends with what GitHub adds to one"
    return ""


def _check_host(section: Section, scope: ForgeScope) -> None:
    is_githubs = scope.host == _GITHUB_COM or scope.host.endswith((f".{_GITHUB_COM}", ".ghe.com"))
    if scope.kind == GITEA and is_githubs:
        cure = f"set gpu-runners:forge to {GITHUB}, or name your Gitea"
        section.note("scope", f"{scope.host} with the forge {GITEA}", "a Gitea", cure)
    elif scope.kind == GITHUB and scope.host in _GITEA_HOSTS:
        cure = f"set gpu-runners:forge to {GITEA}, or name your GitHub"
        section.note("scope", f"{scope.host} with the forge {GITHUB}", "a GitHub", cure)
    elif f".{scope.host}".endswith(tuple(f".{host}" for host in _FOREIGN_HOSTS)):
        cure = f"write e.g. {EXAMPLES.get(scope.kind, EXAMPLES[GITEA])}: no other kind of forge is served"
        section.note("scope", scope.host, "a GitHub or a Gitea", cure)
    elif is_own_address(scope.host):
        cure = "name it as the cluster's pods reach it: this is the pod of the registrar itself"
        section.note("scope", scope.host, "a forge beyond this machine", cure)
    elif scope.kind == GITHUB and scope.host.endswith(f".{_GITHUB_COM}"):
        section.note("scope", scope.host, ALLOWED, f"write https://{_GITHUB_COM}/{scope.path}")
    elif scope.host == _GITHUB_COM and scope.scope.owner.lower() in _PAGES:
        section.note(
            "scope", f"{scope.url}/{scope.path}, a page of {_GITHUB_COM}", ALLOWED, f"write {EXAMPLES[GITHUB]}"
        )
