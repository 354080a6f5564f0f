"""Opens, updates or closes a stack's one issue about drift.

It is closed when the stack is clean again, and never while something could not be read. Its readers hear of it when
there is another set of drifts, and not when a text or a time is another. Needs the same variables as `comment`.

    gpu-runners issue report.json --repository mlops/guide
"""

import argparse
import sys
from functools import partial

from gpu_runners.arguments import repository
from gpu_runners.exit_code import ExitCode
from gpu_runners.review.commands.report_files import add_reports, read_reports
from gpu_runners.review.core.drift_set import drift_line, drift_news
from gpu_runners.review.core.findings import Review
from gpu_runners.review.core.markdown import markdown, marker
from gpu_runners.review.forge import Forge, IssueText, add_author


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    add_reports(parser, count="+")
    parser.add_argument("--repository", required=True, type=repository, metavar="OWNER/NAME", help="at the forge")
    add_author(parser)


def run(options: argparse.Namespace) -> ExitCode:
    """DONE: the issues say what the reports say; FAILED: a report is none."""
    reviews, problems = read_reports(options.reports)
    with Forge.of_environment(options.author) as forge:
        for review in reviews:
            print(forge.issue(options.repository, issue_text(review), partial(drift_news, review)))
    for problem in problems:
        print(f"error: {problem}; it must be what `gpu-runners render --json` wrote", file=sys.stderr)
    return ExitCode.FAILED if problems else ExitCode.DONE


def issue_text(review: Review) -> IssueText:
    """What the issue of a stack says."""
    first, _, rest = markdown(review).partition("\n")
    return IssueText(
        marker=marker(review.stack),
        title=f"Drift of stack {review.stack}",
        body=f"{first}\n{drift_line(review)}\n{rest}",
        is_clean=not review.drift and not review.unread,
    )
