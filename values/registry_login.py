"""RegistryLogin: a name and a password for a registry, as `docker login` and pull Secrets hold them."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

DOCKER_HUB: Final = "docker.io"
_HUBS_NAMES: Final = ("index.docker.io", "registry-1.docker.io", "registry.docker.io", DOCKER_HUB)


@dataclass(frozen=True)
class RegistryLogin:
    """For the images of a host whose names begin with path, "" for all of them."""

    host: str
    path: str
    user: str
    password: str = field(repr=False)

    def is_for(self, host: str, repository: str) -> bool:
        """Whether an image is one of these."""
        return host == self.host and (not self.path or f"{repository}/".startswith(f"{self.path}/"))


def read_logins(content: str) -> tuple[RegistryLogin, ...]:
    """The logins of a `.dockerconfigjson`, those for more of a name first, as nodes prefer them.

    Raises ValueError that says what is wrong with it, and repeats nothing of it.
    """
    try:
        document: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is no JSON") from error
    auths = document.get("auths") if isinstance(document, dict) else None
    if not isinstance(auths, dict) or not auths:
        raise ValueError("it names no registry")
    logins = [_login(name, entry) for name, entry in auths.items()]
    return tuple(sorted(logins, key=lambda login: -len(login.path)))


def _login(name: str, entry: object) -> RegistryLogin:
    address = urlsplit(name if "://" in name else f"https://{name}")
    host = address.netloc.lower()
    # Docker itself writes https://index.docker.io/v1/ for all of Docker Hub.
    path = "" if address.path.rstrip("/") in ("", "/v1", "/v2") else address.path.strip("/")
    if not host or "@" in host:
        raise ValueError("it names a registry that is none")
    user, password = _named(entry if isinstance(entry, dict) else {})
    return RegistryLogin(DOCKER_HUB if host in _HUBS_NAMES else host, path, user, password)


def _named(entry: Mapping[str, Any]) -> tuple[str, str]:
    try:
        user, _, password = base64.b64decode(str(entry.get("auth") or ""), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("the login of some registry is no base64") from error
    named = [entry.get(key) for key in ("username", "password")]
    if not (user and password) and all(isinstance(text, str) and text for text in named):
        user, password = map(str, named)
    if not user or not password:
        raise ValueError("it has no name and password of some registry, as where a credential helper keeps them")
    return user, password
