"""buildah, driven offline and without a daemon: a Dockerfile in, one more image in the lab's OCI layout out."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lab import paths
from lab.errors import LabError
from lab.images import content, layout, rootfs, wheels
from lab.images.recipes import BASE, HERE, Recipe

STORAGE = paths.IMAGES / "buildah"
BUILD_DEADLINE_SECONDS = 900


def has_image(name: str) -> bool:
    """True where buildah's own store has the image."""
    return _run(["inspect", "--type", "image", name]).returncode == 0


def build_base(name: str) -> None:
    """Makes the base image from the root file system; it stays in buildah's store for the builds on top of it."""
    with _scratch("base-") as context_name:
        context = Path(context_name)
        os.link(rootfs.tar(), context / rootfs.FILE)
        _must(BASE, ["bud", *_FLAGS, "--file", str(HERE / BASE / "Dockerfile"), "--tag", name, str(context)])


def build(recipe: Recipe, reference: str, base: str | None, house: Path | None) -> None:
    """Builds one image and pushes it into the layout under `reference`. Raises LabError with the log on failure."""
    with _scratch(f"{recipe.name}-") as context_name:
        context = Path(context_name)
        for path, source in content.files(recipe):
            target = context / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source.resolve(), target)
        flags = [*_FLAGS, *(["--from", base, "--build-arg", f"BASE_IMAGE={base}"] if base else []), *_mounts(house)]
        _must(recipe.name, ["bud", *flags, "--file", str(recipe.dockerfile), "--tag", reference, str(context)])
    _must(f"{recipe.name}-push", ["push", reference, f"oci:{layout.FOLDER}:{reference}"])
    _run(["rmi", reference])


def remove_containers() -> None:
    """Removes the working containers of builds that were killed."""
    _run(["rm", "--all"])


def remove_images_but(names: set[str]) -> None:
    """Removes every image of buildah's own store that is not named; those in the layout are not its business."""
    listing = _run(["images", "--format", "{{.Name}}:{{.Tag}}"])
    outdated = [name for name in listing.stdout.split() if name not in names] if listing.returncode == 0 else []
    if outdated:
        _run(["rmi", *outdated])


# A fixed time stamp makes the same content the same image, bit for bit. What Python has compiled is out of date by it,
# and every start of a program in a pod would compile anew, unless pip is told: a Dockerfile that declares this argument
# gets compiled files that go by the hash of their source.
_STAMP = ("--timestamp", "0", "--build-arg", "SOURCE_DATE_EPOCH=0")
_FLAGS = ("--isolation", "chroot", "--pull=never", *_STAMP, "--format", "oci")


def _mounts(house: Path | None) -> list[str]:
    if house is None:
        return []
    config = f"{house / wheels.PIP_CONFIG}:/etc/pip.conf:ro"
    return ["--volume", f"{house}:{wheels.MOUNT}:ro", "--volume", config]


def _scratch(prefix: str) -> "tempfile.TemporaryDirectory[str]":
    paths.IMAGES.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=paths.IMAGES, prefix=f".context-{prefix}")


def _must(name: str, arguments: Sequence[str]) -> None:
    done = _run(arguments)
    log = paths.IMAGES / f"{name}.log"
    log.write_text(done.stdout)
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-10:])
        raise LabError(f"buildah failed for the image {name}:\n{tail}\nWhole log: {log}")


def _run(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    store = ["--root", str(STORAGE / "root"), "--runroot", str(STORAGE / "run"), "--storage-driver", "vfs"]
    return subprocess.run(
        ["buildah", *store, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        timeout=BUILD_DEADLINE_SECONDS,
    )  # fmt: skip
