"""Shows what a stack's program would change and how cluster and forge differ from its state; repairs the difference.

Exit codes: 0 nothing to change and no drift; 2 drift, a pending change or a policy violation; 1 something failed or
could not be read, so nothing is certain. collect, comment, issue and stacks: 0 done, 1 failed.
"""

import argparse
import sys
from pathlib import Path

from access.cluster.errors import ClusterError
from gpu_runners.pulumi_command import restore_interrupt
from gpu_runners.review import commands
from gpu_runners.review.errors import ReviewError


def main(arguments: list[str]) -> int:
    """Runs one subcommand."""
    options = _parser().parse_args(arguments)
    restore_interrupt()
    try:
        code: int = options.do(options)
    except (ReviewError, ClusterError) as error:
        print(f"error: {error}", file=sys.stderr)
        return commands.FAILED
    return code


def _parser() -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m gpu_runners.review", description=__doc__, formatter_class=formatter
    )
    subcommands = parser.add_subparsers(required=True, metavar="COMMAND")

    collect = subcommands.add_parser("collect", help="read everything about a stack into a file")
    _about_stack(collect, commands.collect_file)
    collect.add_argument("--to", required=True, metavar="FILE", help="holds live values: keep it, do not publish it")

    render = subcommands.add_parser("render", help="such a file as Markdown, JSON and job summary")
    _about_file(render, commands.render)
    _outputs(render)

    report = subcommands.add_parser("report", help="collect and render at once")
    _about_stack(report, commands.report)
    _outputs(report)

    comment = subcommands.add_parser("comment", help="write or update the stack's comment under a pull request")
    _about_file(comment, commands.comment)
    comment.add_argument("--repository", required=True, metavar="OWNER/NAME")
    comment.add_argument("--pull", required=True, type=int, metavar="NUMBER")

    issue = subcommands.add_parser("issue", help="open, update or close the stack's issue about drift")
    _about_file(issue, commands.issue)
    issue.add_argument("--repository", required=True, metavar="OWNER/NAME")

    repair = subcommands.add_parser("repair", help="bring cluster and forge back to the state, after asking")
    _about_stack(repair, commands.repair_stack)
    repair.add_argument("--yes", action="store_true", help="do not ask")

    stacks = subcommands.add_parser("stacks", help="the stacks of this folder, as a JSON list")
    stacks.set_defaults(do=commands.list_stacks)
    stacks.add_argument("--folder", type=Path, default=Path())
    stacks.add_argument("--without-platform", action="store_true", help="those that need no credential of the forge")
    stacks.add_argument("--listed", metavar="NAMES", help="the names that a workflow holds: fails unless these are all")
    return parser


def _about_stack(parser: argparse.ArgumentParser, do: object) -> None:
    parser.set_defaults(do=do)
    parser.add_argument("stack", help="name of the stack")
    parser.add_argument("--folder", type=Path, default=Path(), help="the Pulumi program (.)")
    parser.add_argument("--config-file", type=Path, help="the stack file (Pulumi.STACK.yaml of the folder)")
    parser.add_argument(
        "--context",
        default="",
        help="the context that the stack must be on, else this fails: the stack's config and KUBECONFIG choose it",
    )
    parser.add_argument(
        "--without", action="append", default=[], metavar="KIND",
        help="kinds, in the plural, that this identity may not read; the report says so. E.g. secrets, runners",
    )  # fmt: skip
    parser.add_argument("--drift-only", action="store_true", help="no preview: the program is not run")
    parser.add_argument("--policy-pack", default="", metavar="FOLDER", help="preview with this policy pack")
    parser.add_argument("--policy-pack-config", default="", metavar="FILE", help="settings of the pack")
    parser.add_argument(
        "--violations", action="append", default=[], type=Path, metavar="FILE", help="violations found elsewhere"
    )
    parser.add_argument(
        "--prices", type=Path, metavar="FILE", help='{"currency": "$", "hourly": {"H100-80GB-HBM3": 2}}'
    )


def _about_file(parser: argparse.ArgumentParser, do: object) -> None:
    parser.set_defaults(do=do)
    parser.add_argument("evidence", type=Path, metavar="FILE", help="what `collect` wrote")


def _outputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="(standard output)")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument(
        "--pull-request", action="store_true",
        help="pending changes, drift and advice end with 0: a mandatory policy alone stops a pull request",
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
