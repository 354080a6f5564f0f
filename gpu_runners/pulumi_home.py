"""A home for Pulumi commands that only look: what the user's own has, and no place for a log.

Pulumi 3.25x writes a log of every command into `~/.pulumi/logs`, with every property of every resource, compressed and
encrypted, and has no switch for that (pkg/logging, `StartLogging`; github.com/pulumi/pulumi/pull/23731). Of a preview
of 50 pools that is half of what the engine computes; and it would keep what somebody only looked at.
"""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gpu_runners.errors import CommandFailedError

PULUMI_HOME: Final = "PULUMI_HOME"
_LOGS: Final = "logs"
_PLUGINS: Final = "plugins"


class PulumiHomeUnknownError(CommandFailedError):
    """This user has no home."""


@contextmanager
def home_without_logs(environment: Mapping[str, str], folder: Path) -> Iterator[str]:
    """The home of a command that is started in a folder; it ends with this block.

    All but the logs is the user's own, so that a plugin is fetched once. Where `logs` is no folder Pulumi goes on
    without one.
    """
    own = folder.absolute() / (environment.get(PULUMI_HOME) or _default())
    with contextlib.suppress(OSError):  # as Pulumi does; where nobody may, plugins end with this block
        (own / _PLUGINS).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gpu-runners-") as temporary:  # rwx------
        home = Path(temporary)
        for entry in own.iterdir() if own.is_dir() else ():
            if entry.name != _LOGS:
                (home / entry.name).symlink_to(entry)
        (home / _LOGS).touch()
        yield temporary


def _default() -> Path:
    """Raises PulumiHomeUnknownError for a user of whom neither HOME nor the system names a folder."""
    try:
        return Path.home() / ".pulumi"
    except RuntimeError as error:
        cure = f"set {PULUMI_HOME}, or HOME, to a folder that this user may write"
        raise PulumiHomeUnknownError(f"nobody knows where this user's home is, and Pulumi needs one; {cure}") from error
