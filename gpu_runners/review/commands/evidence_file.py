"""The file that `collect` writes and that the other commands of a workflow read."""

import argparse
import json
from pathlib import Path

from gpu_runners.arguments import existing_file
from gpu_runners.review.core.evidence import Evidence
from gpu_runners.review.core.findings import Review
from gpu_runners.review.core.reviewing import review
from gpu_runners.review.errors import ReviewFailedError


def add_evidence(parser: argparse.ArgumentParser) -> None:
    """FILE, some of them."""
    parser.add_argument(
        "evidence", type=existing_file, nargs="+", metavar="FILE", help="what `gpu-runners collect` wrote"
    )


def write(evidence: Evidence, path: Path) -> None:
    """Readable for its owner only: it holds live values."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(evidence.to_json()))


def read(path: Path) -> Review:
    """The review of a file. Raises ReviewFailedError where it is another's."""
    try:
        return review(Evidence.from_json(json.loads(path.read_text())))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ReviewFailedError(f"{path}: {error}; it must be what `gpu-runners collect` wrote") from error
