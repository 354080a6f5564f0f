"""Debian packages that the lab runs on: installed on first use, announced, and never without being root."""

import os
import shutil
import subprocess
from collections.abc import Sequence

from lab import preflight
from lab.build import Say
from lab.errors import LabError

INSTALL_DEADLINE_SECONDS = 900
REFUSE = "GPU_RUNNERS_NO_INSTALL"


def install(say: Say, wanted: Sequence[str] | None = None) -> None:
    """Installs what is missing, or what is wanted, with apt-get. Raises LabError where that is refused or fails."""
    missing = preflight.missing_packages() if wanted is None else wanted
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    cure = f"Install them yourself: {' '.join(command)}"
    if os.environ.get(REFUSE):
        raise LabError(f"missing Debian packages, and {REFUSE} forbids to install them: {' '.join(missing)}. {cure}")
    if shutil.which("apt-get") is None:
        raise LabError(f"missing packages, and this system has no apt-get: {' '.join(missing)}. {cure}")
    say(f"install {' '.join(missing)} with apt-get ({REFUSE}=1 forbids it) …")
    for step in (["apt-get", "update"], command):
        done = subprocess.run(
            step, capture_output=True, text=True, check=False, timeout=INSTALL_DEADLINE_SECONDS,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )  # fmt: skip
        if done.returncode != 0:
            raise LabError(f"`{' '.join(step)}` failed:\n{done.stderr[-1500:]}\n{cure}")
