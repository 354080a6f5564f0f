"""What runs in a runner's pod, as sh text files beside this module. Reads them; knows nothing of pods.

They take everything they need from environment variables, which `runner_pod` sets, so that a test can run them as
they are. Those that run in the user's image use nothing but the shell's own words and `sleep`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent

REGISTER: Final = (_HERE / "register.sh").read_text()
PRE_STOP: Final = (_HERE / "pre-stop.sh").read_text()
START: Final[Mapping[str, str]] = {
    "gitea": (_HERE / "start-gitea.sh").read_text(),
    "github": (_HERE / "start-github.sh").read_text(),
}
# Whose children are a job's processes: Gitea's runner is the container's first process and runs steps as its children;
# GitHub's always has children, and names the one that runs a job.
RUNNER_PROCESS: Final[Mapping[str, str]] = {"gitea": "1", "github": "none"}
