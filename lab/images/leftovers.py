"""What builds leave behind: scratch folders of one that was killed, and what older pins and bases were made of."""

import shutil
from collections.abc import Iterable

from lab import paths
from lab.images import buildah, layout

SCRATCH = (".context-*", ".rootfs-*", ".wheels-*")
MATERIAL = ("rootfs-*", "wheels-*")


def sweep_killed_builds() -> None:
    """Removes scratch folders and working containers; only one `lab` command runs at a time, so none is in use."""
    for pattern in SCRATCH:
        for folder in paths.IMAGES.glob(pattern):
            shutil.rmtree(folder, ignore_errors=True)
    buildah.remove_containers()


def sweep_outdated(bases: Iterable[str], material: Iterable[str]) -> None:
    """Removes every base image, root file system and wheel house but the named ones, and unnamed layers."""
    keep = set(material)
    for pattern in MATERIAL:
        for folder in paths.IMAGES.glob(pattern):
            if folder.is_dir() and folder.name not in keep:
                shutil.rmtree(folder)
    buildah.remove_images_but(set(bases))
    layout.prune()
