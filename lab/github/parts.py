"""What the lab needs beside itself when the forge is GitHub: built and started on request, never by `lab up` alone."""

import shutil

from lab import build, containers, images, paths
from lab.build import Say
from lab.catalogue import programs
from lab.github import daemon

RUNNER_IMAGE = "github-runner"
RUNNER = "github-act-runner"
PROVIDER = "pulumi-resource-github"
PLUGIN = "resource-github-v6.15.0"


def up(say: Say) -> None:
    """The stand-in and its runner's image; the lab must be up. What is there already stays as it is."""
    build.build_all(say, (RUNNER,))
    images.build_all(say, (RUNNER_IMAGE,))
    images.import_all(say, containers.CTR)
    daemon.daemon().start()
    say(f"a stand-in for GitHub listens at {daemon.URL}")


def install_provider(say: Say) -> None:
    """Pulumi's GitHub provider, where the engine looks for it, as `pulumi plugin install` would."""
    build.build_all(say, (PROVIDER,))
    (program,) = (program for program in programs() if program.name == PROVIDER)
    folder = paths.PULUMI_HOME / "plugins" / PLUGIN
    plugin, built = folder / PROVIDER, program.folder / PROVIDER
    if plugin.is_symlink() and plugin.readlink() == built:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    plugin.symlink_to(built)
