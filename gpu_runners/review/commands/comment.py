"""Writes or updates the one comment of a pull request: a table of its stacks, and the details of each.

It runs nothing of the pull request: the stacks' files are read as data, and reports as somebody else's words. A stack
without a report is written down as not known. A clean first look makes no comment. Needs GITHUB_API_URL and
GITHUB_TOKEN, as workflows have them, or FORGE_URL and FORGE_TOKEN.

    gpu-runners comment reports --repository mlops/guide --pull 7 --folder pull --base main --commit 1a2b3c4 --run http://ci/9
"""

import argparse
import json
import os
import re
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gpu_runners.arguments import add_folder, existing_folder, repository
from gpu_runners.exit_code import ExitCode
from gpu_runners.review.commands.report_files import add_reports, read_reports
from gpu_runners.review.core.comment import MARKER, Look, PullRequestReview, comment, headline
from gpu_runners.review.core.file_review import file_review
from gpu_runners.review.core.findings import Review
from gpu_runners.review.core.stack_changes import StackChanges, stack_changes
from gpu_runners.review.errors import ReviewFailedError
from gpu_runners.review.forge import Forge, add_author
from gpu_runners.review.stacks import stack_files

_COMMIT: Final = re.compile(r"[0-9a-f]{7,64}")
_RUN: Final = re.compile(r"https?://[\w.:-]+(?:/[\w.~-]+)*")
NO_REPORT: Final = "no report came, the log of its job says why"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    add_reports(parser, count="*")
    add_folder(parser)
    parser.add_argument(
        "--base", type=existing_folder, metavar="FOLDER", required=True,
        help="the program that --folder would replace, for what becomes of stacks",
    )  # fmt: skip
    parser.add_argument("--repository", required=True, type=repository, metavar="OWNER/NAME", help="at the forge")
    parser.add_argument("--pull", required=True, type=int, metavar="NUMBER", help="the pull request's")
    parser.add_argument("--commit", required=True, type=_commit, metavar="HASH", help="what was looked at")
    parser.add_argument("--run", required=True, type=_address, metavar="URL", help="of the run that looked")
    parser.add_argument("--listed", metavar="NAMES", help="the stacks that a workflow holds (all that there are)")
    parser.add_argument(
        "--with-platform", action="store_true",
        help="stacks with a platform too: you looked at them with what their preview needs, which no workflow holds",
    )  # fmt: skip
    add_author(parser)


def run(options: argparse.Namespace) -> ExitCode:
    """DONE: it is written, and nothing of it stops a pull request; FOUND: a mandatory rule does; FAILED: not known."""
    pull = _pull(options)
    text = comment(pull)
    with Forge.of_environment(options.author) as forge:
        print(forge.comment(options.repository, options.pull, MARKER, text, is_clean=pull.is_clean))
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("a") as file:
            file.write(text)
    print(headline(pull), file=sys.stderr)
    return _code(pull)


def _pull(options: argparse.Namespace) -> PullRequestReview:
    look = Look(commit=options.commit, time=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), run=options.run)
    try:
        files = stack_files(options.base), stack_files(options.folder)
        stacks = stack_changes(*files, with_platform=options.with_platform)
    except ReviewFailedError as error:  # a comment that was green must not stay so
        return PullRequestReview(reviews=(), look=look, unseen={"every stack": str(error)[:500]})
    if options.listed is not None:
        stacks = stacks.listed(options.listed.split())
    reviews, problems = read_reports(options.reports)
    for problem in problems:
        print(f"not read: {json.dumps(problem)}", file=sys.stderr)
    known, unseen = judged(reviews, stacks)
    known += [file_review(name, files[0].get(name), files[1][name]) for name in stacks.withheld]
    return PullRequestReview(reviews=tuple(known), look=look, unseen=unseen, stacks=stacks)


def judged(reviews: list[Review], stacks: StackChanges) -> tuple[list[Review], dict[str, str]]:
    """The reviews of stacks that there are, one of each; and why there is none of the others."""
    counts = Counter(review.stack for review in reviews)
    unseen = {stack: NO_REPORT for stack in stacks.previewed if stack not in counts}
    unseen |= {stack: "it has more than one report" for stack in stacks.previewed if counts[stack] > 1}
    for stack in counts.keys() - set(stacks.previewed):
        print(f"not read: a report of {json.dumps(stack)}, which is no stack here", file=sys.stderr)
    return [review for review in reviews if review.stack in stacks.previewed and counts[review.stack] == 1], unseen


def _code(pull: PullRequestReview) -> ExitCode:
    codes = [review.pull_request_code for review in pull.reviews]
    if pull.unseen or ExitCode.FAILED in codes:
        return ExitCode.FAILED
    return ExitCode.FOUND if ExitCode.FOUND in codes else ExitCode.DONE


def _commit(text: str) -> str:
    if not _COMMIT.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no commit; allowed: 7 to 64 hexadecimal digits")
    return text


def _address(text: str) -> str:
    if not _RUN.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no address of a run; allowed: https://HOST/PATH")
    return text
