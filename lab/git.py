"""git as the lab drives it: the token goes by environment, where no process list and no config file shows it."""

import base64
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from lab.errors import LabError

DEADLINE_SECONDS = 120


def login(user: str, token: str) -> dict[str, str]:
    """The environment that makes git over HTTP log in, and names the author of commits."""
    basic = base64.b64encode(f"{user}:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
        "GIT_TERMINAL_PROMPT": "0",
        **{f"GIT_{role}_NAME": user for role in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{role}_EMAIL": f"{user}@lab.invalid" for role in ("AUTHOR", "COMMITTER")},
    }


def run(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """Output of a git command in a folder, without the last line end. Raises LabError with git's own words."""
    done = attempt(folder, *arguments, environment=environment)
    if done.returncode != 0:
        raise LabError(f"git {' '.join(arguments[:2])} in {folder}: {done.stderr.strip()[-500:]}")
    return done.stdout.strip()


def attempt(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The same, for a command whose failure is an answer."""
    # The lab runs as root, in a checkout that may be somebody else's: git would refuse to read it.
    command = ["git", "-c", "safe.directory=*", "-C", str(folder), *arguments]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or "SSL" in name}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**clean, **(environment or {})},
        timeout=DEADLINE_SECONDS,
    )  # fmt: skip
