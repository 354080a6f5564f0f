"""The lab's container images: built offline by buildah from the Dockerfiles beside this file, each once per content.

`build_all` needs buildah and mmdebstrap, `import_all` a running containerd. Neither pulls an image from anywhere.
"""

import time
from collections.abc import Callable, Sequence

from lab.images import buildah, containerd, content, layout, rootfs, wheels
from lab.images.recipes import BASE, Recipe, catalogue

Say = Callable[[str], None]

PREFIX = "lab.local/"


def build_all(say: Say) -> None:
    """Builds every image whose content changed since it was last built. Raises LabError with the log on failure."""
    base_key = rootfs.key()
    stale = [recipe for recipe in catalogue() if layout.built_key(reference(recipe.name)) != _key(recipe, base_key)]
    if not stale:
        return
    if any(recipe.on_base for recipe in stale) and not buildah.has_image(f"{reference(BASE)}-{base_key}"):
        _timed(say, f"image {BASE}", lambda: buildah.build_base(f"{reference(BASE)}-{base_key}", rootfs.tar(base_key)))
    for recipe in stale:
        _timed(say, f"image {recipe.name}", lambda recipe=recipe: _build(recipe, base_key))  # type: ignore[misc]
    layout.prune()


def import_all(say: Say, ctr: Sequence[str]) -> None:
    """Gives containerd every image that it lacks or has an older build of; `ctr` is the client with its flags."""
    started = time.monotonic()
    names = containerd.import_missing(ctr, [reference(recipe.name) for recipe in catalogue()])
    if names:
        say(f"images imported: {', '.join(names)} in {time.monotonic() - started:.1f} s")


def reference(name: str) -> str:
    """The name by which pods ask for an image of the lab."""
    return f"{PREFIX}{name}:lab"


def _key(recipe: Recipe, base_key: str) -> str:
    return content.key(recipe, base_key if recipe.on_base else "scratch")


def _build(recipe: Recipe, base_key: str) -> None:
    house = wheels.ensure(recipe.requirements, rootfs.python_version(base_key)) if recipe.requirements else None
    base = f"{reference(BASE)}-{base_key}" if recipe.on_base else None
    buildah.build(recipe, reference(recipe.name), base, house)
    layout.mark(reference(recipe.name), _key(recipe, base_key))


def _timed(say: Say, what: str, work: Callable[[], None]) -> None:
    say(f"{what} …")
    started = time.monotonic()
    work()
    say(f"{what}: {time.monotonic() - started:.0f} s")
