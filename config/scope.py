"""Reads a scope: the one URL that says which forge it is, and what of it."""

from typing import Final

from config.fields import Section
from values.problem import quoted
from values.scope import GITEA, GITHUB, ForgeScope, parse_scope

ALLOWED: Final = "the URL of a repository, an owner or the whole forge"
EXAMPLES: Final = {
    GITHUB: "https://github.com/owner/repository, or https://github.com/organization",
    GITEA: "https://gitea.example.com/owner/repository",
}
_GITHUB_COM: Final = "github.com"
# Forges that everybody knows and that are Gitea, or so like it that they are asked alike.
_GITEA_HOSTS: Final = ("gitea.com", "codeberg.org")
# What github.com has where an owner would be; people copy such addresses out of their browser.
_PAGES: Final = ("enterprises", "orgs", "organizations", "settings", "users")


def read_scope(section: Section, forge: str) -> ForgeScope:
    """The field `scope`; notes what is wrong with it."""
    section.reads(
        "scope", {"type": "string", "format": "uri", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://", "description": ALLOWED}
    )
    value = section.value("scope")
    try:
        if not isinstance(value, str):
            raise ValueError("it is no text")  # noqa: TRY004, TRY301 - one more thing that a scope is not
        scope = parse_scope(forge, value)
    except ValueError as error:
        cure = f"write e.g. {EXAMPLES.get(forge, EXAMPLES[GITEA])}"
        section.note("scope", f"{quoted(value)}: {error}", ALLOWED, cure)
        return ForgeScope(forge, "", "")
    noted = len(section.problems)
    _check_host(section, scope)
    return scope if len(section.problems) == noted else ForgeScope(forge, "", "")


def _check_host(section: Section, scope: ForgeScope) -> None:
    is_githubs = scope.host == _GITHUB_COM or scope.host.endswith((f".{_GITHUB_COM}", ".ghe.com"))
    if scope.kind == GITEA and is_githubs:
        cure = f"set gpu-runners:forge to {GITHUB}, or name your Gitea"
        section.note("scope", f"{scope.host} with the forge {GITEA}", "a Gitea", cure)
    elif scope.kind == GITHUB and scope.host in _GITEA_HOSTS:
        cure = f"set gpu-runners:forge to {GITEA}, or name your GitHub"
        section.note("scope", f"{scope.host} with the forge {GITHUB}", "a GitHub", cure)
    elif scope.kind == GITHUB and scope.host.endswith(f".{_GITHUB_COM}"):
        section.note("scope", scope.host, ALLOWED, f"write https://{_GITHUB_COM}/{scope.path}")
    elif scope.host == _GITHUB_COM and scope.scope.owner in _PAGES:
        section.note(
            "scope", f"{scope.url}/{scope.path}, a page of {_GITHUB_COM}", ALLOWED, f"write {EXAMPLES[GITHUB]}"
        )
