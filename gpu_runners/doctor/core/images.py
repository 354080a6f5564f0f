"""Image references, and what a registry's answer says about an image. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from gpu_runners.doctor.core.findings import Finding, failed, ok, unknown
from values.registry_login import DOCKER_HUB, RegistryLogin

_CHALLENGE: Final = re.compile(r'(\w+)="([^"]*)"')
_HAS_HOST: Final = re.compile(r"[^/]*[.:][^/]*|localhost")


@dataclass(frozen=True)
class Image:
    """A reference taken apart; reference is a digest where there is one, else a tag."""

    text: str
    host: str
    repository: str
    reference: str

    @property
    def api(self) -> str:
        """The root of the registry's API. A registry on this very machine speaks plain HTTP, as for every tool."""
        host = "registry-1.docker.io" if self.host == DOCKER_HUB else self.host
        is_here = host.partition(":")[0] in ("localhost", "127.0.0.1")
        return f"{'http' if is_here else 'https'}://{host}"

    @property
    def is_unaskable(self) -> bool:
        """Names ending in .local are answered by whoever is near, not by a registry."""
        return self.host.partition(":")[0].endswith(".local")


def parse_image(text: str) -> Image:
    """A reference as the container runtime reads it."""
    name, at, digest = text.partition("@")
    head, slash, rest = name.partition("/")
    host, path = (head, rest) if slash and _HAS_HOST.fullmatch(head) else (DOCKER_HUB, name)
    last = path.rpartition("/")[2]
    repository, tag = (path.rpartition(":")[0], last.rpartition(":")[2]) if ":" in last else (path, "latest")
    if host == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return Image(text, host, repository, digest if at else tag)


def challenge(header: str) -> dict[str, str]:
    """The parts of a `WWW-Authenticate: Bearer …` header; empty for another scheme."""
    scheme, _, rest = header.partition(" ")
    return dict(_CHALLENGE.findall(rest)) if scheme.lower() == "bearer" else {}


@dataclass(frozen=True)
class Pull:
    """An image, the pull Secrets that its pods name, and of these the contents that this stack knows."""

    image: str
    secrets: tuple[str, ...] = ()
    logins: tuple[RegistryLogin, ...] = ()


def login_for(image: Image, pull: Pull) -> RegistryLogin | None:
    """The login that a node would try first."""
    return next((login for login in pull.logins if login.is_for(image.host, image.repository)), None)


def verdict(image: Image, status: int, pull: Pull, *, is_logged_in: bool = False) -> Finding:
    """What the registry's answer to a request for the manifest means. status 0: no answer."""
    check = f"image {image.text}"
    secrets = " or ".join(pull.secrets)
    if image.is_unaskable:
        return unknown(check, f"{image.host} is no registry that can be asked", "see that every node has the image")
    if status == 200:
        to = f"the pull Secret {secrets}" if is_logged_in else "everybody"
        return ok(check, f"{image.host} gives its manifest to {to}")
    if status == 404:
        return failed(check, f"{image.host} has no such image", "push it, or correct the reference")
    if status in (401, 403):
        return _private(check, image, status, secrets, is_logged_in=is_logged_in)
    what = f"answers {status}" if status else "does not answer"
    return unknown(check, f"{image.host} {what}", "ask again later, or from a machine that reaches it")


def _private(check: str, image: Image, status: int, secrets: str, *, is_logged_in: bool) -> Finding:
    if is_logged_in:
        cure = "make a login that may pull it, and set the config secret that platform.pullSecrets names"
        return failed(check, f"{image.host} does not give it to the pull Secret {secrets} ({status})", cure)
    cure = "name a pull Secret (pullSecrets), or see that the nodes have a credential for it"
    if secrets:
        cure = f"see that the pull Secret {secrets} is for {image.host}"
    found = f"{image.host} does not give it to everybody ({status})"
    return unknown(check, found, f"{cure}; a registry hides in this way, too, what does not exist")
