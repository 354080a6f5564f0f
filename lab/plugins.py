"""Pulumi's providers where the engine looks for them, as `pulumi plugin install` would put them."""

import shutil

from lab import catalogue, paths


def install(name: str, folder_name: str) -> None:
    """Links a built provider into Pulumi's home, e.g. `resource-kubernetes-v4.25.0`. Idempotent."""
    built = catalogue.program(name).folder / name
    folder = paths.PULUMI_HOME / "plugins" / folder_name
    plugin = folder / name
    if plugin.is_symlink() and plugin.readlink() == built:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    plugin.symlink_to(built)
