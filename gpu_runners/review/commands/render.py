"""Shows files of evidence as Markdown, JSON and the summary of a workflow's job.

Asks nobody. With --pull-request what a pull request is for, or did not cause, does not fail its check.

    gpu-runners render evidence.json
    gpu-runners render evidence.json --markdown report.md --json report.json --pull-request
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gpu_runners.exit_code import ExitCode
from gpu_runners.review.commands import evidence_file
from gpu_runners.review.core.document import document, short_document
from gpu_runners.review.core.findings import Review
from gpu_runners.review.core.markdown import markdown, verdict


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    evidence_file.add_evidence(parser)
    add_outputs(parser)


def run(options: argparse.Namespace) -> ExitCode:
    """The worst verdict's exit code."""
    return show([evidence_file.read(path) for path in options.evidence], options)


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """Where a review goes, and which of it counts."""
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="(standard output)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the same as data (nowhere)")
    parser.add_argument(
        "--longest", type=int, metavar="BYTES", help="of the JSON; what does not fit is cut and counted"
    )
    parser.add_argument(
        "--pull-request", action="store_true",
        help="pending changes, drift and advice end with 0: a mandatory policy alone stops a pull request",
    )  # fmt: skip


def show(reviews: Sequence[Review], options: argparse.Namespace) -> ExitCode:
    """Writes them everywhere; returns the worst verdict's exit code. The JSON of several is a list."""
    text = "\n".join(map(markdown, reviews))
    if options.markdown:
        options.markdown.write_text(text)
    else:
        print(text)
    if options.json:
        options.json.write_text(_json(reviews, options.longest) + "\n", errors="replace")
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("a") as file:
            file.write(text)
    for review in reviews:
        print(verdict(review), file=sys.stderr)
    codes = {review.pull_request_code if options.pull_request else review.exit_code for review in reviews}
    return next(code for code in (ExitCode.FAILED, ExitCode.FOUND, ExitCode.DONE) if code in codes)


def _json(reviews: Sequence[Review], longest: int | None) -> str:
    """A report of one stack is an object, of several a list; only that of one can be cut."""
    if longest is not None and len(reviews) == 1:
        return short_document(reviews[0], longest)
    documents = [document(review) for review in reviews]
    return json.dumps(documents if len(documents) > 1 else documents[0], indent=1, ensure_ascii=False)
