"""Image references, and what a registry's answer says about an image. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from gpu_runners.doctor.core.findings import Finding, failed, ok, unknown

DOCKER_HUB: Final = "docker.io"
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


def verdict(image: Image, status: int) -> Finding:
    """What the registry's answer to a request for the manifest means. status 0: no answer."""
    check = f"image {image.text}"
    if image.is_unaskable:
        return unknown(check, f"{image.host} is no registry that can be asked", "see that every node has the image")
    if status == 200:
        return ok(check, f"{image.host} gives its manifest to everybody")
    if status == 404:
        return failed(check, f"{image.host} has no such image", "push it, or correct the reference")
    if status in (401, 403):
        cure = "see that the nodes have a credential for it; a registry hides in this way, too, what does not exist"
        return unknown(check, f"{image.host} does not give it to everybody ({status})", cure)
    what = f"answers {status}" if status else "does not answer"
    return unknown(check, f"{image.host} {what}", "ask again later, or from a machine that reaches it")
