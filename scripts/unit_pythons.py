"""Runs the unit tests on the oldest and the newest supported Python of this machine, beside the one of the lab's venv.

    python -m scripts.unit_pythons

Each has a virtual environment of its own in the cache, named after what is installed in it. The version that runs this
has its turn in `make test` and is left out.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from scripts.supported_python import NEWEST, OLDEST
from scripts.unit_suite import PYTEST

REPOSITORY = Path(__file__).resolve().parent.parent
LOCK = REPOSITORY / "locks" / "dev.txt"
INSTALL_DEADLINE_SECONDS = 900
TESTS_DEADLINE_SECONDS = 1800
_VERSION_DEADLINE_SECONDS = 20
_VERSION = "import sys; print(*sys.version_info[:3])"

Version = tuple[int, ...]


def candidates(environ: Mapping[str, str]) -> list[Path]:
    """Programs that may be a supported Python: `python3.N` on PATH, and those that pyenv keeps."""
    minors = range(OLDEST[1], NEWEST[1] + 1)
    on_path = (shutil.which(f"python3.{minor}", path=environ.get("PATH", "")) for minor in minors)
    pyenv = Path(environ.get("PYENV_ROOT") or Path(environ.get("HOME", "/nonexistent")) / ".pyenv")
    return [Path(program) for program in on_path if program] + sorted(pyenv.glob("versions/3.*/bin/python"))


def version_of(python: Path) -> Version | None:
    """What a program says it is, e.g. (3, 13, 0); None where it does not start, as a pyenv shim of no version."""
    try:
        answer = subprocess.run(
            [python, "-c", _VERSION], capture_output=True, text=True, check=True, timeout=_VERSION_DEADLINE_SECONDS
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return tuple(int(number) for number in answer.split())


def chosen(pythons: Iterable[tuple[Version, Path]], running: Version) -> list[Path]:
    """The oldest and the newest supported one, without those of the minor version that runs already."""
    supported = sorted((version, python) for version, python in pythons if OLDEST <= version[:2] <= NEWEST)
    minors = list({version[:2]: python for version, python in supported}.items())  # the latest of each
    ends = dict(minors[:1] + minors[-1:])
    return [python for minor, python in ends.items() if minor != running[:2]]


def environment(python: Path, version: Version, cache: Path) -> Path:
    """A virtual environment with the tested set for this Python, made on first use."""
    key = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    folder = cache / f"venv-{'.'.join(map(str, version))}-{key}"
    if not (folder / ".ready").exists():
        for stale in cache.glob(f"venv-{version[0]}.{version[1]}.*"):
            shutil.rmtree(stale)
        subprocess.run(
            [REPOSITORY / "scripts" / "make-venv", python, folder],
            cwd=REPOSITORY, check=True, timeout=INSTALL_DEADLINE_SECONDS,
        )  # fmt: skip
    return folder


def main(environ: Mapping[str, str]) -> int:
    """The first exit code of pytest that is not 0."""
    cache = Path(environ.get("GPU_RUNNERS_CACHE") or Path.home() / ".cache" / "gpu-runners")
    cache.mkdir(parents=True, exist_ok=True)
    versions = {python: version for python in candidates(environ) if (version := version_of(python)) is not None}
    pythons = chosen(((version, python) for python, version in versions.items()), sys.version_info[:3])
    if not pythons:
        print(f"only Python {sys.version_info[0]}.{sys.version_info[1]} is here: the unit tests have run on it already")
    for python in pythons:
        print(f"unit tests on {python}, Python {'.'.join(map(str, versions[python]))} ...", flush=True)
        venv = environment(python, versions[python], cache)
        code = subprocess.run(
            [venv / "bin" / "python", *PYTEST],
            cwd=REPOSITORY, check=False, timeout=TESTS_DEADLINE_SECONDS,
        ).returncode  # fmt: skip
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
