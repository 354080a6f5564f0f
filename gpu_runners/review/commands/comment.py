"""Writes or updates the stack's one comment under a pull request.

Needs GITHUB_API_URL and GITHUB_TOKEN, as workflows have them, or FORGE_URL and FORGE_TOKEN.

    gpu-runners comment evidence.json --repository mlops/guide --pull 7
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
    parser.add_argument("--pull", required=True, type=int, metavar="NUMBER", help="the pull request's")


def run(options: argparse.Namespace) -> ExitCode:
    """DONE: it is written."""
    review = evidence_file.read(options.evidence)
    with Forge.of_environment() as forge:
        print(forge.comment(options.repository, options.pull, review.stack, markdown(review)))
    return ExitCode.DONE
