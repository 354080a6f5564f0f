"""ForgeScope: which forge, and whose jobs a runner may take there, parsed from the one URL that people know.

Only reads the URL; whether the scope exists is the registrar's to find out.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

GITEA: Final = "gitea"
GITHUB: Final = "github"
FORGES: Final = (GITEA, GITHUB)
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class ForgeScope:
    """Where runners are registered.

    url is the forge's root without a slash at its end; path is `owner/repository`, `owner`, or "" for the instance.
    """

    kind: str
    url: str
    path: str

    @property
    def port(self) -> int:
        """The TCP port of the forge."""
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)

    @property
    def is_hosted(self) -> bool:
        """Whether it is GitHub's own service, where public means the whole world."""
        host = urlsplit(self.url).hostname or ""
        return self.kind == GITHUB and (host == "github.com" or host.endswith(".ghe.com"))

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
    path = parts.path.strip("/").removesuffix(".git")
    segments = path.split("/") if path else []
    if len(segments) > 2 or not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise ValueError("its path is neither empty, nor an owner, nor owner/repository")
    if kind == GITHUB and not path:
        raise ValueError("GitHub has no runners of a whole server; name an organization, or owner/repository")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return ForgeScope(kind, f"{parts.scheme}://{host}{f':{port}' if port else ''}", path)
