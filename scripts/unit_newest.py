"""Runs the unit tests with the newest Pulumi SDKs that the requirements let in, and everything else as it is tested.

    python -m scripts.unit_newest

In a virtual environment of its own in the cache, which is kept and brought up to date at each run. An SDK that changes
what this program leans on shows here before anybody's `pip install` brings it.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from scripts.unit_suite import PYTEST

REPOSITORY = Path(__file__).resolve().parent.parent
REQUIREMENTS = REPOSITORY / "requirements-dev.txt"
CONSTRAINTS = REPOSITORY / "constraints.txt"
INSTALL_DEADLINE_SECONDS = 900
TESTS_DEADLINE_SECONDS = 1800
_SDK = re.compile(r"pulumi(?:[-_](?:kubernetes|github|policy))?(?=[=<>!~ ]|$)", re.IGNORECASE)
_VERSIONS = "from importlib.metadata import version as v; print(*(f'{n} {v(n)}' for n in %r), sep=', ')"
SDKS = ("pulumi", "pulumi-kubernetes", "pulumi-github", "pulumi-policy")


def without_sdks(constraints: Iterable[str], needed: Iterable[str] = ()) -> list[str]:
    """The tested set without the SDKs, and without what newer ones may need newer: their own dependencies."""
    free = {name.lower() for name in needed}
    return [
        line
        for line in constraints
        if not _SDK.match(line) and re.split(r"[=<>!~ \[]", line, maxsplit=1)[0].strip().lower() not in free
    ]


def main(environ: Mapping[str, str]) -> int:
    """The exit code of pytest, or of pip where the SDKs cannot be installed."""
    cache = Path(environ.get("GPU_RUNNERS_CACHE") or Path.home() / ".cache" / "gpu-runners")
    cache.mkdir(parents=True, exist_ok=True)
    venv = cache / f"venv-newest-{sys.version_info[0]}.{sys.version_info[1]}"
    python = venv / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True, timeout=INSTALL_DEADLINE_SECONDS)
    constraints = cache / "constraints-newest.txt"
    # What Pulumi's own SDK brings with it, newer ones may need newer.
    tested = without_sdks(CONSTRAINTS.read_text().splitlines(), ("protobuf", "grpcio", "parver", "semver", "dill"))
    constraints.write_text("\n".join(tested) + "\n")
    install: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade"]
    done = subprocess.run(
        [*install, *SDKS, "-r", REQUIREMENTS, "-c", constraints],
        cwd=REPOSITORY, check=False, timeout=INSTALL_DEADLINE_SECONDS,
    )  # fmt: skip
    if done.returncode:
        return done.returncode
    subprocess.run([python, "-c", _VERSIONS % (SDKS,)], check=True, timeout=60)
    return subprocess.run(
        [python, *PYTEST],
        cwd=REPOSITORY, check=False, timeout=TESTS_DEADLINE_SECONDS,
    ).returncode  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(os.environ))
