"""The lab's container images: built offline by buildah from the Dockerfiles beside this file, each once per content.

`build_all` needs buildah and mmdebstrap, `import_all` a running containerd. Neither pulls an image from anywhere.
"""

import functools
import time
from collections.abc import Callable, Collection, Sequence

from lab import paths
from lab.images import buildah, containerd, content, layout, leftovers, rootfs, wheels
from lab.images.recipes import BASE, Recipe, catalogue
from lab.outdated import outdated_images

Say = Callable[[str], None]

PREFIX = "lab.local/"


def build_all(say: Say, wanted: Sequence[str] = ()) -> None:
    """Builds every image whose content changed since it was last built. Raises LabError with the log on failure.

    `wanted` names images; without it, all that the lab always needs.
    """
    stale = [recipe for recipe in _chosen(wanted) if layout.built_key(reference(recipe.name)) != content.key(recipe)]
    if not stale:
        return
    leftovers.sweep_killed_builds()
    base = f"{PREFIX}{BASE}:{content.base_key()}"
    if any(recipe.on_base for recipe in stale) and not buildah.has_image(base):
        _timed(say, f"image {BASE}", lambda: buildah.build_base(base))
    for recipe in stale:
        _timed(say, f"image {recipe.name}", functools.partial(_build, recipe, base if recipe.on_base else None))
    houses = [
        wheels.folder(recipe.requirements, rootfs.python_version()) for recipe in catalogue() if recipe.requirements
    ]
    leftovers.sweep_outdated([base], [folder.name for folder in (rootfs.folder(), *houses)])


def without_programs() -> list[str]:
    """The images that hold no program of the lab: they can be built before one is."""
    return [
        recipe.name
        for recipe in _chosen(())
        if not any(source.is_relative_to(paths.BIN) for source in recipe.files.values())
    ]


def import_all(say: Say, ctr: Sequence[str], wanted: Sequence[str] = ()) -> list[str]:
    """Gives containerd the images that it lacks or has an older build of; `ctr` is the client with its flags.

    `wanted` as in `build_all`. Returns the names of these.
    """
    started = time.monotonic()
    names = containerd.import_missing(ctr, [reference(recipe.name) for recipe in _chosen(wanted)])
    if names:
        say(f"images imported: {', '.join(names)} in {time.monotonic() - started:.1f} s")
    return names


def forget_outdated(say: Say, ctr: Sequence[str], referred: Collection[str]) -> None:
    """Lets containerd forget older builds that no object of the cluster names; `referred` are those that some do."""
    current = {descriptor["digest"] for descriptor in layout.descriptors()}
    names = outdated_images(containerd.present(ctr), current, referred)
    if names:
        _timed(say, f"forget {len(names)} names of older images", functools.partial(containerd.forget, ctr, names))


def _chosen(wanted: Sequence[str]) -> list[Recipe]:
    return [recipe for recipe in catalogue() if (recipe.name in wanted if wanted else not recipe.optional)]


def reference(name: str) -> str:
    """The name by which pods ask for an image of the lab."""
    return f"{PREFIX}{name}:lab"


def _build(recipe: Recipe, base: str | None) -> None:
    house = wheels.ensure(recipe.requirements, rootfs.python_version()) if recipe.requirements else None
    buildah.build(recipe, reference(recipe.name), base, house)
    layout.mark(reference(recipe.name), content.key(recipe))


def _timed(say: Say, what: str, work: Callable[[], None]) -> None:
    say(f"{what} …")
    started = time.monotonic()
    work()
    say(f"{what}: {time.monotonic() - started:.0f} s")
