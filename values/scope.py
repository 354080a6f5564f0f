"""Scope: whose jobs a runner may take. ForgeScope: that and at which forge, parsed from the one URL that people know.

Only reads; whether the scope exists is the registrar's to find out.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

GITEA: Final = "gitea"
GITHUB: Final = "github"
FORGES: Final = (GITEA, GITHUB)
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
    def is_hosted(self) -> bool:
        """Whether it is GitHub's own service, where public means the whole world."""
        return self.kind == GITHUB and (self.host == "github.com" or self.host.endswith(".ghe.com"))

    @property
    def api_url(self) -> str:
        """Where the forge is asked, without a slash at its end; a GitHub Enterprise Server answers at its own host."""
        if self.kind != GITHUB:
            return self.url
        scheme, _, host = self.url.partition("://")
        return f"{scheme}://api.{host}" if self.is_hosted else f"{self.url}/api/v3"


def parse_scope(kind: str, text: str) -> ForgeScope:
    """Reads e.g. `https://gitea.example.com/mlops/guide`. Raises ValueError that says what is wrong with it."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"it is no URL ({error})") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it is no http or https URL")
    if parts.username or parts.password:
        raise ValueError("it holds a credential, which belongs into the secret forgeToken")
    if parts.query or parts.fragment:
        raise ValueError("it has a query or a fragment")
    scope = Scope(parts.path.strip("/").removesuffix(".git"))
    if kind == GITHUB and scope.kind == ScopeKind.INSTANCE:
        raise ValueError("GitHub has no runners of a whole server; name an organization, or owner/repository")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return ForgeScope(kind, f"{parts.scheme}://{host}{f':{port}' if port else ''}", scope.path)
