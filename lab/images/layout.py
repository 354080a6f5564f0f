"""The lab's images as one OCI image layout, in which they share their layers."""

import json
from pathlib import Path
from typing import Any

from lab import paths

FOLDER = paths.IMAGES / "layout"
NAME = "org.opencontainers.image.ref.name"
KEY = "gpu-runners.dev/content-key"

Descriptor = dict[str, Any]


def built_key(reference: str) -> str | None:
    """The content key of the finished build of an image; None where there is none."""
    for descriptor in descriptors():
        if descriptor["annotations"][NAME] == reference:
            name: str | None = descriptor["annotations"].get(KEY)
            return name
    return None


def mark(reference: str, key: str) -> None:
    """Says that the build of an image is finished; a killed build stays unmarked and is done again."""
    entries = descriptors()
    for descriptor in entries:
        if descriptor["annotations"][NAME] == reference:
            descriptor["annotations"][KEY] = key
    _write(entries)


def prune() -> None:
    """Deletes the blobs that no image names any more."""
    needed = {digest for descriptor in descriptors() for digest in blobs(descriptor)}
    for file in (FOLDER / "blobs/sha256").iterdir():
        if f"sha256:{file.name}" not in needed:
            file.unlink()


def blobs(descriptor: Descriptor) -> list[str]:
    """Digests of everything that an image consists of: manifest, configuration, layers."""
    manifest = json.loads(blob(descriptor["digest"]).read_text())
    return [descriptor["digest"], manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"])]


def descriptors() -> list[Descriptor]:
    """One entry per image; each has `annotations`, among them its name.

    An older build of an image stays in the index, but without its name: it is left out here, and so pruned.
    """
    index = FOLDER / "index.json"
    if not index.exists():
        return []
    return [entry for entry in json.loads(index.read_text())["manifests"] if NAME in entry.get("annotations", {})]


def _write(entries: list[Descriptor]) -> None:
    fresh = FOLDER / "index.json.new"
    fresh.write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    fresh.rename(FOLDER / "index.json")


def blob(digest: str) -> Path:
    """The file that holds a blob."""
    return FOLDER / "blobs/sha256" / digest.removeprefix("sha256:")
