"""An image's digest: from its registry, or from docker, which has a login there."""

import re
import shutil
import subprocess
from typing import Final

from gpu_runners.doctor.registry import digest_of
from gpu_runners.init.core.stack import Image
from values.kubernetes_syntax import has_digest

DOCKER_SECONDS: Final = 60
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


class DigestUnknownError(Exception):
    """Nobody tells it. The message says who was asked."""


def by_digest(text: str) -> Image:
    """The image by its digest, behind its name and its tag (`latest` without one), as a job's `container: image:` has
    them. Raises DigestUnknownError.
    """
    if has_digest(text):
        return Image(text)
    digest, why = digest_of(text)
    digest = digest or _asked_of_docker(text)
    if not digest:
        raise DigestUnknownError(why)
    tagged = text if ":" in text.rpartition("/")[2] else f"{text}:latest"
    return Image(f"{tagged}@{digest}")


def _asked_of_docker(text: str) -> str:
    """ "" without docker, or where it knows no more. text is an image's name: it holds no flag and no blank."""
    docker = shutil.which("docker")
    if docker is None:
        return ""
    try:
        done = subprocess.run(
            [docker, "buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}", text],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=DOCKER_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    digest = done.stdout.strip()
    return digest if done.returncode == 0 and _DIGEST.fullmatch(digest) else ""
