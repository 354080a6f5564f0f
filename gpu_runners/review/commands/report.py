"""Shows what a stack's program would change and how cluster and forge differ from its state.

Changes nothing. A stack that the state backend does not know yet is previewed in an empty state that nobody else sees.

    gpu-runners review dev
    gpu-runners review prod --drift-only --json report.json
"""

import argparse

from gpu_runners.exit_code import ExitCode
from gpu_runners.review.commands.looking import ERRORS, add_looking, add_preview, full_evidence
from gpu_runners.review.commands.render import add_outputs, show
from gpu_runners.review.core.reviewing import review

__all__ = ["ERRORS", "add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    add_looking(parser)
    add_preview(parser)
    add_outputs(parser)


def run(options: argparse.Namespace) -> ExitCode:
    """The verdict's exit code."""
    return show([review(full_evidence(options))], options)
