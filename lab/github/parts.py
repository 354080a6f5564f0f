"""What the lab needs beside itself when the forge is GitHub: built and started on request, never by `lab up` alone."""

from lab import build, containers, images, plugins
from lab.build import Say
from lab.github import daemon

RUNNER_IMAGE = "github-runner"
RUNNER = "github-act-runner"
PROVIDER = "pulumi-resource-github"
PLUGIN = "resource-github-v6.15.0"


def up(say: Say) -> None:
    """The stand-in and its runner's image; the lab must be up. What is there already stays as it is."""
    build.build_all(say, (RUNNER,))
    images.build_all(say, (RUNNER_IMAGE,))
    images.import_all(say, containers.CTR, (RUNNER_IMAGE,))
    daemon.daemon().start()
    say(f"a stand-in for GitHub listens at {daemon.URL}")


def install_provider(say: Say) -> None:
    """Pulumi's GitHub provider, where the engine looks for it, as `pulumi plugin install` would."""
    build.build_all(say, (PROVIDER,))
    plugins.install(PROVIDER, PLUGIN)
