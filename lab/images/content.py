"""The content of an image as a digest: two builds with the same key give the same image, so one of them is enough."""

import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

from lab import paths
from lab.catalogue import programs
from lab.images import rootfs
from lab.images.recipes import BASE, HERE, Recipe

IGNORED_FOLDERS = {"__pycache__"}


def base_key() -> str:
    """Digest of everything that decides what is in the base image."""
    return hashlib.sha256(rootfs.key().encode() + (HERE / BASE / "Dockerfile").read_bytes()).hexdigest()[:16]


def key(recipe: Recipe) -> str:
    """Digest of everything that decides what is in the image."""
    digest = hashlib.sha256(base_key().encode() if recipe.on_base else b"")
    digest.update(recipe.dockerfile.read_bytes())
    for path, source in files(recipe):
        digest.update(f"\0{path}\0".encode() + _identity(source))
    if recipe.requirements:
        digest.update(recipe.requirements.lock.read_bytes())
    return digest.hexdigest()[:16]


def files(recipe: Recipe) -> Iterator[tuple[str, Path]]:
    """Every single file of the build context, as (path in the context, file on this machine), in a fixed order."""
    for path, source in sorted(recipe.files.items()):
        if not source.is_dir():
            yield path, source
            continue
        for file in sorted(source.rglob("*")):
            if file.is_file() and not IGNORED_FOLDERS & set(file.parts):
                yield f"{path}/{file.relative_to(source)}", file


def _identity(source: Path) -> bytes:
    """A program of the lab is known by its folder, which is named after its pin; any other file by its bytes."""
    built = _built().get(source.name)
    if built is not None and built.exists() and built.samefile(source):
        return str(built.relative_to(paths.PROGRAMS)).encode()
    return hashlib.sha256(source.read_bytes()).digest()


@functools.cache
def _built() -> dict[str, Path]:
    """File name of a program → where its finished build lies."""
    return {name: program.folder / name for program in programs() for name in program.outputs}
