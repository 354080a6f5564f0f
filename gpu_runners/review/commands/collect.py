"""Reads everything about a stack into a file, for `render`, `comment` and `issue`.

The file holds live values and is readable for its owner only: keep it, do not publish it.

    gpu-runners collect dev --to evidence.json
    gpu-runners collect dev --to evidence.json --drift-only --without secrets
"""

import argparse
from pathlib import Path

from gpu_runners.exit_code import ExitCode
from gpu_runners.review.commands import evidence_file
from gpu_runners.review.commands.looking import ERRORS, add_looking, add_preview, full_evidence

__all__ = ["ERRORS", "add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    add_looking(parser)
    add_preview(parser)
    parser.add_argument("--to", required=True, type=Path, metavar="FILE", help="holds live values: do not publish it")


def run(options: argparse.Namespace) -> ExitCode:
    """DONE: the file is written, whatever was found."""
    evidence_file.write(full_evidence(options), options.to)
    return ExitCode.DONE
