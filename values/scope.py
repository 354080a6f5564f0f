"""Scope: whose jobs a runner may take. ForgeScope: that and at which forge, parsed from the one URL that people know.

Only reads; whether the scope exists is the registrar's to find out.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from values.forge_url import ForgeUrl, read_forge_url

GITEA: Final = "gitea"
GITHUB: Final = "github"
FORGES: Final = (GITEA, GITHUB)
GITHUB_COM: Final = "github.com"
GHE_COM: Final = "ghe.com"  # below it, each tenant has a name
# What both forges take as a name, but for "." and "..", which would be other paths of the API.
_NAME: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9_.-]+")


class ScopeKind(StrEnum):
    """What a scope is."""

    REPOSITORY = "repository"
    ORGANIZATION = "organization"
    INSTANCE = "instance"


@dataclass(frozen=True, order=True)
class Scope:
    """A part of a forge by its path: `owner/repository`, `organization`, or "" for the whole instance.

    Raises ValueError that says what is wrong with the path: a scope that is there is one.
    """

    path: str

    def __post_init__(self) -> None:
        names = self.path.split("/") if self.path else []
        if len(names) > 2 or not all(_NAME.fullmatch(name) for name in names):
            raise ValueError("its path is neither empty, nor an owner, nor owner/repository")

    def __str__(self) -> str:
        return self.path

    @property
    def kind(self) -> ScopeKind:
        """What it is."""
        if not self.path:
            return ScopeKind.INSTANCE
        return ScopeKind.REPOSITORY if self.repository else ScopeKind.ORGANIZATION

    @property
    def is_repository(self) -> bool:
        """Whether it is one repository."""
        return self.kind == ScopeKind.REPOSITORY

    @property
    def owner(self) -> str:
        """The organization, or the repository's owner; "" of the instance."""
        return self.path.partition("/")[0]

    @property
    def repository(self) -> str:
        """The repository's name without its owner; "" where it is none."""
        return self.path.partition("/")[2]

    def within(self, path: str) -> "Scope":
        """What is at this path in it: a repository of an organization, anything of the instance. Raises ValueError."""
        return Scope(f"{self.path}/{path}" if self.path else path)

    @property
    def api_path(self) -> str:
        """Where the forge's API has it, below the API's own prefix; the same at Gitea and at GitHub."""
        if self.kind == ScopeKind.INSTANCE:
            return "/admin"
        return f"/repos/{self.path}" if self.is_repository else f"/orgs/{self.path}"

    @property
    def runners_path(self) -> str:
        """Where the forge's API has its runners."""
        return f"{self.api_path}/actions/runners"

    @property
    def groups_path(self) -> str:
        """Where GitHub's API has an organization's runner groups."""
        return f"{self.api_path}/actions/runner-groups"

    @property
    def installation_path(self) -> str:
        """Where GitHub's API says which installation of the asking App this is."""
        return f"{self.api_path}/installation"


def is_repository(text: str) -> bool:
    """Whether it is the path of a repository."""
    try:
        return Scope(text).is_repository
    except ValueError:
        return False


@dataclass(frozen=True)
class ForgeScope:
    """Where runners are registered: url is the forge's root without a slash at its end, path is a Scope's."""

    kind: str
    url: str
    path: str

    @property
    def scope(self) -> Scope:
        """The part of the forge."""
        return Scope(self.path)

    @property
    def host(self) -> str:
        """The forge's name or address; that of an IPv6 one without brackets."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The TCP port of the forge."""
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)

    @property
    def api_host(self) -> str:
        """Who is asked: the forge itself, or at GitHub's own service its API's name."""
        return urlsplit(self.api_url).hostname or ""

    @property
    def is_hosted(self) -> bool:
        """Whether it is GitHub's own service, where public means the whole world."""
        return self.kind == GITHUB and (self.host == GITHUB_COM or self.host.endswith(f".{GHE_COM}"))

    @property
    def api_url(self) -> str:
        """Where the forge is asked, without a slash at its end; a GitHub Enterprise Server answers at its own host."""
        if self.kind != GITHUB:
            return self.url
        scheme, _, host = self.url.partition("://")
        return f"{scheme}://api.{host}" if self.is_hosted else f"{self.url}/api/v3"


def parse_scope(kind: str, text: str) -> ForgeScope:
    """Reads e.g. `https://gitea.example.com/mlops/guide`.

    Raises ValueError that says what is wrong with it, and repeats nothing of it: it might hold a password.
    """
    url = read_forge_url(text)
    scope = Scope(url.path.strip("/").removesuffix(".git"))
    if kind == GITHUB and scope.kind == ScopeKind.INSTANCE:
        raise ValueError("GitHub has no runners of a whole server; name an organization, or owner/repository")
    _check_hosted(kind, url)
    return ForgeScope(kind, url.root, scope.path)


def _check_hosted(kind: str, url: ForgeUrl) -> None:
    """Raises ValueError where GitHub's own service is named in another way than the one that it answers to.

    Whether it should have been another forge, or another address below github.com, is told where a stack is read.
    """
    if kind != GITHUB or not f".{url.host}".endswith((f".{GITHUB_COM}", f".{GHE_COM}")):
        return
    tenant, _, domain = url.host.partition(".")
    is_tenant = domain == GHE_COM and tenant not in ("api", "www")
    if url.port or not (url.host.endswith(GITHUB_COM) or is_tenant):
        raise ValueError("GitHub's own service is called https://github.com or https://TENANT.ghe.com")
