"""What runs in a runner's pod, as sh text files beside this module. Reads them; knows nothing of pods.

They take everything they need from environment variables, which `runner_pod` sets, so that a test can run them as
they are. Those that run in the user's image use nothing but the shell's own words and `sleep`, and `nvidia-smi` where
it is.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent


def _script(name: str) -> str:
    """The file without lines that only comment: a script lies in every pool's Deployment, and thrice in the state."""
    lines = (_HERE / name).read_text().splitlines(keepends=True)
    return "".join(line for line in lines if not line.lstrip().startswith("#"))


def _short(name: str) -> str:
    """The same without indentation, for GitHub's start script and what lies in it: admission bounds how long that is.

    No text in them goes over two lines of which the second is indented.
    """
    return "".join(line.lstrip() for line in _script(name).splitlines(keepends=True) if line.strip())


def _quoted(text: str) -> str:
    """As one word of sh. `shlex.quote` takes a letter more for each quote, of which a hook has many."""
    return "'" + text.replace("'", r"'\''") + "'"


REGISTER: Final = _script("register.sh")
PRE_STOP: Final = _script("pre-stop.sh")
_CONTRACT: Final = _short("image-contract.sh")
CONTAINER_HOOK: Final = _short("container-hook.sh")
JOB_SUMMARY: Final = _short("job-summary.sh")
START: Final[Mapping[str, str]] = {
    "gitea": _CONTRACT + _script("start-gitea.sh"),
    "github": _CONTRACT
    + _short("start-github.sh")
    .replace("@CONTAINER_HOOK@", _quoted(CONTAINER_HOOK))
    .replace("@JOB_SUMMARY@", _quoted(JOB_SUMMARY)),
}
# Whose children are a job's processes: Gitea's runner is the container's first process and runs steps as its children;
# GitHub's always has children, and names the one that runs a job.
RUNNER_PROCESS: Final[Mapping[str, str]] = {"gitea": "1", "github": "none"}
