"""Brings cluster and forge back to the stack's state: takes out and puts back what was changed by hand.

Shows its steps, asks, does them and looks again. What the program would change stays pending. Runners are removed at
the forge, which needs FORGE_URL (or GITHUB_API_URL) and FORGE_TOKEN.

    gpu-runners repair dev
    gpu-runners repair dev --yes --without runners
"""

import argparse
import os
import sys
import time

from access.cluster.connection import ClusterConnection
from gpu_runners.arguments import add_yes
from gpu_runners.exit_code import ExitCode
from gpu_runners.output import say
from gpu_runners.pulumi_command import opened
from gpu_runners.question import ask
from gpu_runners.review.cluster import ClusterObjects
from gpu_runners.review.commands.looking import ERRORS, add_looking, drift_evidence
from gpu_runners.review.core.findings import Kind, Review
from gpu_runners.review.core.markdown import verdict
from gpu_runners.review.core.repair import Step, plan
from gpu_runners.review.core.reviewing import review
from gpu_runners.review.repairing import Repair
from gpu_runners.stack_cluster import cluster_of

LIST_SECONDS = 6.0  # longer than the registrar keeps its list of runners

__all__ = ["ERRORS", "add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    add_looking(parser)
    add_yes(parser, "whether the steps shall be done: they shall")


def run(options: argparse.Namespace) -> ExitCode:
    """FOUND: nobody agreed, or drift is left."""
    before = review(drift_evidence(options))
    steps = plan(before.drift)
    for line in before.unread:
        say(f"could not be read, so it is not repaired: {line}")
    if not steps:
        say(f"{options.stack}: nothing to repair" if not before.unread else f"{options.stack}: unknown")
        return _code(before)
    say(f"{options.stack}: {len(steps)} steps bring cluster and forge back to the state:")
    for step in steps:
        say(f"  - {step}")
    if not (options.yes or ask("Do this? Only `yes` will do: ") == "yes"):
        say("nothing was done")
        return ExitCode.FOUND
    problems = _carry_out(options, before, steps)
    for problem in problems:
        print(f"not done: {problem}", file=sys.stderr)
    after = _look_again(options)
    say(verdict(after))
    return ExitCode.FAILED if problems else _code(after)


def _code(review: Review) -> ExitCode:
    if review.unread:
        return ExitCode.FAILED
    return ExitCode.FOUND if review.drift else ExitCode.DONE


def _look_again(options: argparse.Namespace) -> Review:
    """The review after a repair. A runner that still shows is looked for again: the registrar's list is seconds old."""
    end = time.monotonic() + LIST_SECONDS
    while True:
        after = review(drift_evidence(options))
        if time.monotonic() > end or not any(drift.kind is Kind.RUNNER for drift in after.drift):
            return after


def _carry_out(options: argparse.Namespace, before: Review, steps: list[Step]) -> list[str]:
    with (
        opened(options.folder, options.stack, options.config_file) as program,
        ClusterConnection(cluster_of(program, os.environ, options.context)) as connection,
    ):
        return Repair(program, ClusterObjects(connection), before.drift).carry_out(steps, say)
