"""Prints the names of the stacks whose file is in the folder, as a JSON list for a workflow's matrix.

A stack whose file cannot be read is an error and not left out: a deployment would pass it over in silence.

    gpu-runners stacks
    gpu-runners stacks --without-platform --listed "dev prod"
"""

import argparse
import json
import sys

from gpu_runners.arguments import add_folder
from gpu_runners.exit_code import ExitCode
from gpu_runners.review.stacks import check_listed, left_out, stacks


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    add_folder(parser)
    parser.add_argument("--without-platform", action="store_true", help="those that need no credential of the forge")
    parser.add_argument("--listed", metavar="NAMES", help="the names that a workflow holds: fails unless these are all")


def run(options: argparse.Namespace) -> ExitCode:
    """DONE: they are printed. Raises ReviewFailedError where a workflow lists others, or a file cannot be read."""
    names = stacks(options.folder, with_platform=not options.without_platform)
    if options.listed is not None:
        check_listed(names, options.listed.split())
    for name, why in left_out(options.folder).items():
        print(f"left out: {name!r}, {why}", file=sys.stderr)
    if not names:
        kind = "file of a stack without a platform" if options.without_platform else "stack file"
        print(f"no {kind} (Pulumi.STACK.yaml) is in {options.folder}", file=sys.stderr)
    print(json.dumps(names))
    return ExitCode.DONE
