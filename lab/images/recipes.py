"""What each image of the lab is made of: its Dockerfile, and the files and Python packages that it takes in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab import paths

HERE = Path(__file__).resolve().parent
BASE = "python"
KUBERNETES_PLUGIN = "resource-kubernetes-v4.25.0"
OLD_HOST = "pulumi-language-python-3.79"  # behind the lab's own


@dataclass(frozen=True)
class Requirements:
    """Python packages of an image: a lock with hashes, and which of them have no wheel."""

    lock: Path
    source_only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """One image. `files` maps a path in the build context to a file or folder on this machine.

    An `optional` one is built only where it is asked for by name.
    """

    name: str
    dockerfile: Path
    files: Mapping[str, Path] = field(default_factory=dict)
    requirements: Requirements | None = None
    on_base: bool = True
    optional: bool = False


def catalogue() -> tuple[Recipe, ...]:
    """Every image that pods of the lab may ask for."""
    return (_pause(), _gitea_runner(), _pulumi(), _cuda_mlops(), _registrar(), _github_runner(), _keda())


def _pause() -> Recipe:
    return Recipe("pause", HERE / "pause/Dockerfile", {"pause": paths.BIN / "pause"}, on_base=False)


def _gitea_runner() -> Recipe:
    return Recipe("gitea-runner", HERE / "gitea-runner/Dockerfile", {"gitea-runner": paths.BIN / "gitea-runner"})


def _github_runner() -> Recipe:
    folder = HERE / "github-runner"
    files = {name: folder / name for name in ("run.sh", "Runner.Worker")}
    files["github-act-runner"] = paths.BIN / "github-act-runner"
    return Recipe("github-runner", folder / "Dockerfile", files, optional=True)


def _keda() -> Recipe:
    files = {name: paths.BIN / name for name in ("operator", "adapter")}
    return Recipe("keda", HERE / "keda/Dockerfile", files, on_base=False, optional=True)


def _pulumi() -> Recipe:
    programs = ["pulumi", "pulumi-language-python", "pulumi-language-python-exec"]
    if (paths.BIN / OLD_HOST).exists():  # a Pulumi of the user's has none
        programs.append(OLD_HOST)
    plugin = "pulumi-resource-kubernetes"
    # The policy pack's as well: a pull request is reviewed in this image.
    requirements = Requirements(paths.REPOSITORY / "locks/program.txt")
    files = {
        **{f"bin/{program}": paths.BIN / program for program in programs},
        f"plugins/{KUBERNETES_PLUGIN}/{plugin}": paths.BIN / plugin,
        "policy_host": paths.REPOSITORY / "lab/policy_host",
        "requirements.txt": requirements.lock,
    }
    return Recipe("pulumi", HERE / "pulumi/Dockerfile", files, requirements)


def _cuda_mlops() -> Recipe:
    folder = HERE / "cuda-mlops"
    source_only = ("antlr4-python3-runtime",)  # a dependency of DVC without a wheel
    requirements = Requirements(folder / "lock.txt", source_only)
    files = {name: folder / name for name in ("requirements.txt", "constraints.txt")}
    return Recipe("cuda-mlops", folder / "Dockerfile", files, requirements)


def _registrar() -> Recipe:
    folder = paths.REPOSITORY / "registrar"
    requirements = Requirements(paths.REPOSITORY / "locks/registrar.txt")
    rooms = {room: paths.REPOSITORY / room for room in ("registrar", "values")}
    files = {**rooms, "locks/registrar.txt": requirements.lock}
    return Recipe("registrar", folder / "Dockerfile", files, requirements)
