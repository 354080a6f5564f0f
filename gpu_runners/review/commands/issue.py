"""Opens, updates or closes the stack's one issue about drift.

It is closed when the stack is clean again, and never while something could not be read. Needs the same variables as
`comment`.

    gpu-runners issue evidence.json --repository mlops/guide
"""

import argparse

from gpu_runners.exit_code import ExitCode
from gpu_runners.review.commands import evidence_file
from gpu_runners.review.core.markdown import markdown
from gpu_runners.review.forge import Forge, repository


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    evidence_file.add_evidence(parser)
    parser.add_argument("--repository", required=True, type=repository, metavar="OWNER/NAME", help="at the forge")


def run(options: argparse.Namespace) -> ExitCode:
    """DONE: the issue says what the file says."""
    review = evidence_file.read(options.evidence)
    with Forge.of_environment() as forge:
        title = f"Drift of stack {review.stack}"
        is_clean = not review.drift and not review.unread
        print(forge.issue(options.repository, review.stack, title, markdown(review), is_clean=is_clean))
    return ExitCode.DONE
