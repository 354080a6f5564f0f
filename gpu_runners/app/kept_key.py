"""Where an App's key goes that could not go where it belongs: GitHub gives it once."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ENDING: Final = ".private-key.pem"


def keep_key(folder: Path, name: str, key: str) -> Path | None:
    """Writes it into a file that nobody else may read and that was not there: in the folder, where that is possible,
    else in the user's home or the machine's folder for what is temporary. None: there is no room for it anywhere.
    """
    for descriptor, file in _files(folder, name):
        with contextlib.suppress(OSError), os.fdopen(descriptor, "w") as opened:
            opened.write(key)
            opened.flush()
            return file
    return None


def _files(folder: Path, name: str) -> Iterator[tuple[int, Path]]:
    with contextlib.suppress(OSError):
        file = folder / f"{name}{ENDING}"
        yield os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), file
    for place in (folder, Path(os.environ.get("HOME", "/")), Path(tempfile.gettempdir())):
        with contextlib.suppress(OSError):
            descriptor, path = tempfile.mkstemp(ENDING, f"{name}.", place)
            yield descriptor, Path(path)
