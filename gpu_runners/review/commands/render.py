"""Shows a file of evidence as Markdown, JSON and the summary of a workflow's job.

Asks nobody. With --pull-request what a pull request is for, or did not cause, does not fail its check.

    gpu-runners render evidence.json
    gpu-runners render evidence.json --markdown report.md --json report.json --pull-request
"""

import argparse
import json
import os
import sys
from pathlib import Path

from gpu_runners.exit_code import ExitCode
from gpu_runners.review.commands import evidence_file
from gpu_runners.review.core.findings import Review
from gpu_runners.review.core.markdown import document, markdown, verdict


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    evidence_file.add_evidence(parser)
    add_outputs(parser)


def run(options: argparse.Namespace) -> ExitCode:
    """The verdict's exit code."""
    return show(evidence_file.read(options.evidence), options)


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """Where a review goes, and which of it counts."""
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="(standard output)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the same as data (nowhere)")
    parser.add_argument(
        "--pull-request", action="store_true",
        help="pending changes, drift and advice end with 0: a mandatory policy alone stops a pull request",
    )  # fmt: skip


def show(review: Review, options: argparse.Namespace) -> ExitCode:
    """Writes it everywhere; returns the verdict's exit code."""
    text = markdown(review)
    if options.markdown:
        options.markdown.write_text(text)
    else:
        print(text)
    if options.json:
        options.json.write_text(json.dumps(document(review), indent=1, ensure_ascii=False) + "\n")
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("a") as file:
            file.write(text)
    print(verdict(review), file=sys.stderr)
    return review.pull_request_code if options.pull_request else review.exit_code
