"""Wheel houses: the Python packages of an image, fetched by this machine's pip so that the build itself is offline."""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from lab import paths
from lab.errors import LabError
from lab.images.recipes import Requirements

FETCH_DEADLINE_SECONDS = 900
PIP_CONFIG = "pip.conf"
MOUNT = "/wheels"


def ensure(requirements: Requirements, python: str) -> Path:
    """A folder with every wheel that the requirements need on that Python, filled on first use."""
    house = folder(requirements, python)
    if not house.exists():
        _fill(house, requirements, python)
    return house


def folder(requirements: Requirements, python: str) -> Path:
    """Where these wheels lie, named after what asks for them."""
    digest = hashlib.sha256(f"{python}{requirements.source_only}".encode())
    digest.update(requirements.lock.read_bytes())
    return paths.IMAGES / f"wheels-{digest.hexdigest()[:16]}"


def _fill(house: Path, requirements: Requirements, python: str) -> None:
    with tempfile.TemporaryDirectory(dir=paths.IMAGES, prefix=".wheels-") as scratch_name:
        result = Path(scratch_name) / "result"
        result.mkdir()
        from_source = [f"--no-binary={package}" for package in requirements.source_only]
        _pip(
            "download", "--require-hashes", "--no-deps", "--only-binary=:all:", *from_source,
            f"--python-version={python}", "--dest", str(result), "--requirement", str(requirements.lock),
        )  # fmt: skip
        for source in result.glob("*.tar.gz"):
            _pip("wheel", "--no-deps", "--wheel-dir", str(result), str(source))
            source.unlink()
        # Mounted as /etc/pip.conf: a Dockerfile says `pip install` as anywhere else, and pip looks here only.
        (result / PIP_CONFIG).write_text(f"[global]\nno-index = true\nfind-links = {MOUNT}\n")
        result.rename(house)


def _pip(command: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", command, "--quiet", "--disable-pip-version-check", *arguments],
        capture_output=True, text=True, check=False, timeout=FETCH_DEADLINE_SECONDS,
    )  # fmt: skip
    if done.returncode != 0:
        raise LabError(f"pip {command} failed for an image of the lab:\n{done.stderr.strip()[-1500:]}")
