"""Go's caches of the lab: folders of its own, so that they may be deleted, and small once everything is built.

Nothing of the lab runs out of them: `kept_module` copies what it needs of a module.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lab import paths

BUILDS: Final = paths.CACHE / "go-build"
MODULES: Final = paths.CACHE / "go-modules"
# What stays of compiled packages, the newest first: most of a rebuild after a pin was raised.
MOST_BUILD_BYTES: Final = 2 * 2**30
# The Go that a go.mod asked for: hundreds of megabytes that every build would fetch anew.
_TOOLCHAINS: Final = "golang.org"


def environment() -> dict[str, str]:
    """For every Go command. Folders that can be written can be deleted, too."""
    return {
        "GOCACHE": str(BUILDS),
        "GOMODCACHE": str(MODULES),
        "GOFLAGS": "-buildvcs=false -modcacherw",
        "GOWORK": "off",
    }


@contextlib.contextmanager
def in_use() -> Iterator[None]:
    """Nobody shrinks the caches while the block runs, in whatever process."""
    with _lock(fcntl.LOCK_SH):
        yield


def shrink() -> None:
    """Takes modules away, and all but the newest of what was compiled. Does nothing while somebody builds."""
    try:
        with _lock(fcntl.LOCK_EX | fcntl.LOCK_NB):
            for entry in _entries(MODULES):
                if entry.name == "cache":  # downloads; those of a toolchain are told by their name
                    _remove_but_toolchains(entry / "download")
                elif entry.name != _TOOLCHAINS:
                    _remove(entry)
            _remove_but_toolchains(MODULES / _TOOLCHAINS, "toolchain")
            trim(BUILDS, MOST_BUILD_BYTES)
    except BlockingIOError:
        return


def trim(folder: Path, most_bytes: int) -> None:
    """Deletes the oldest files of a folder until the others are no more than so many bytes."""
    statuses = ((_status(path), path) for path in folder.rglob("*"))
    files = sorted(((status.st_mtime, status.st_size, path) for status, path in statuses if status), reverse=True)
    kept = 0
    for _, size, path in files:
        kept += size
        if kept > most_bytes:
            path.unlink(missing_ok=True)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat() if path.is_file() and not path.is_symlink() else None
    except OSError:  # gone since it was listed
        return None


def _remove_but_toolchains(folder: Path, prefix: str = _TOOLCHAINS) -> None:
    for entry in _entries(folder):
        if not entry.name.startswith(prefix):
            _remove(entry)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _lock(kind: int) -> Iterator[None]:
    paths.CACHE.mkdir(parents=True, exist_ok=True)
    with (paths.CACHE / "go.lock").open("w") as file:
        fcntl.flock(file, kind)
        yield
