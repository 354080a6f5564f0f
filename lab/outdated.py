"""What of the lab's caches nothing refers to any more. Decides; `lab up` removes it.

What a build makes lies in folders that are named by their content, so an older one is never wrong, only unused: another
checkout, or another Kubernetes, may still want it. It goes when nobody used it for a week.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from lab import go_caches, paths
from lab.catalogue import programs
from values.contract import SERVICE_NAME

DAY: Final = 86400.0
KEEP_SECONDS: Final = 7 * DAY
# Of a build that was killed: no build takes longer, whoever runs it.
SCRATCH_SECONDS: Final = DAY
SCRATCH: Final = (".build-", ".module-")
MOST_LOG_BYTES: Final = 100 * 2**20
OURS: Final = "lab.local/"
NAME_LABEL: Final = "app.kubernetes.io/name"
# Containerd's own name of an image, by its configuration's digest; it keeps the content as any other name does.
BY_NUMBER: Final = "sha256:"


def outdated_builds(used: Mapping[str, float], current: Collection[str], now: float) -> list[str]:
    """Folders below `programs` that may go. used: when each was last used, in seconds since 1970.

    current: those of this checkout, which stay whatever their age.
    """
    return sorted(
        name
        for name, at in used.items()
        if name not in current and now - at > (SCRATCH_SECONDS if name.startswith(SCRATCH) else KEEP_SECONDS)
    )


def outdated_images(present: Mapping[str, str], current: Collection[str], referred: Collection[str]) -> list[str]:
    """Names that containerd may forget. present: its names and the digest of each.

    current: digests of the builds that there are now. referred: images as objects of the cluster name them. An image
    goes with all of its names, else its content would stay.
    """
    kept = {*current, *(digest for name, digest in present.items() if name in referred)}
    kept |= {digest for name, digest in present.items() if not name.startswith((OURS, BY_NUMBER))}
    ours = {digest for name, digest in present.items() if name.startswith(OURS)}
    return sorted(name for name, digest in present.items() if digest in ours and digest not in kept)


def images_named(document: Any) -> set[str]:
    """Every image that objects name, at whatever depth their pods stand."""
    if isinstance(document, list):
        return {image for item in document for image in images_named(item)}
    if not isinstance(document, dict):
        return set()
    image = document.get("image")
    own = {image} if isinstance(image, str) else set()
    return own.union(*(images_named(value) for value in document.values()))


def registrars_of(pods: Sequence[Any], images: Collection[str]) -> list[tuple[str, str]]:
    """Namespace and name of the registrars among pods, as the API shows them, that run of one of these images."""
    metadata = [pod["metadata"] for pod in pods if images_named(pod["spec"]) & set(images)]
    return [(it["namespace"], it["name"]) for it in metadata if it.get("labels", {}).get(NAME_LABEL) == SERVICE_NAME]


def use(folder: Path) -> None:
    """Notes that a build is used now."""
    with contextlib.suppress(OSError):  # of another account, or gone: then it is not ours to keep
        os.utime(folder)


def sweep() -> None:
    """Removes old builds, and all but the newest of Pulumi's logs. No `lab` command but this one may run."""
    current = {program.folder.name for program in programs()}
    used = {entry.name: entry.stat().st_mtime for entry in paths.PROGRAMS.glob("*") if entry.is_dir()}
    for name in outdated_builds(used, current, time.time()):
        shutil.rmtree(paths.PROGRAMS / name, ignore_errors=True)
    go_caches.trim(paths.PULUMI_HOME / "logs", MOST_LOG_BYTES)
