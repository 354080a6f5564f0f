"""The reports that `render --json` wrote, read as hostile: they come from a job that ran a pull request's code."""

import argparse
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from gpu_runners.review.core.document import LONGEST_BYTES, DocumentWrongError, read_document
from gpu_runners.review.core.findings import Review

MOST_FILES: Final = 200


def add_reports(parser: argparse.ArgumentParser, *, count: str) -> None:
    """REPORT, some of them."""
    parser.add_argument(
        "reports",
        type=Path,
        nargs=count,
        metavar="REPORT",
        help="what `render --json` wrote, or a folder of such files",
    )


def read_reports(paths: Iterable[Path]) -> tuple[list[Review], list[str]]:
    """The reviews, and what is wrong with files that hold none, a line each."""
    reviews, problems = [], []
    for path in _files(paths):
        try:
            reviews.append(read_document(_content(path)))
        except (DocumentWrongError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            problems.append(f"{path.name[:60]}: {reason}")
    return reviews, problems


def _files(paths: Iterable[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            files += sorted([*path.glob("*.json"), *path.glob("*/*.json")])
        else:
            files.append(path)
    return files[:MOST_FILES]


def _content(path: Path) -> bytes:
    """Of a file and of nothing else: a link could lead to what this job alone may read. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise DocumentWrongError("it is no file")
        return file.read(LONGEST_BYTES + 1)
