"""What each subcommand does. Every function returns the exit code."""

import json
import os
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

import yaml

from access.cluster.connection import ClusterConnection
from gpu_runners.pulumi_command import opened
from gpu_runners.review import stacks
from gpu_runners.review.cluster import ClusterObjects
from gpu_runners.review.collect import Request, collect
from gpu_runners.review.core import repair
from gpu_runners.review.core.evidence import Evidence
from gpu_runners.review.core.findings import Kind, Review
from gpu_runners.review.core.markdown import document, markdown, verdict
from gpu_runners.review.core.reviewing import review
from gpu_runners.review.errors import ReviewError
from gpu_runners.review.forge import Forge
from gpu_runners.review.repairing import Repair
from gpu_runners.stack_cluster import cluster_of

CLEAN, FAILED, FOUND = 0, 1, 2
LIST_SECONDS = 6.0  # longer than the registrar keeps its list of runners


def collect_file(options: Namespace) -> int:
    """collect: evidence into a file that only its owner can read."""
    evidence = _collect(options)
    path = Path(options.to)
    path.touch(mode=0o600)
    path.write_text(json.dumps(evidence.to_json()))
    return CLEAN


def render(options: Namespace) -> int:
    """render: a file of evidence to Markdown, JSON and the job's summary."""
    return _tell(_load(options.evidence), options)


def report(options: Namespace) -> int:
    """report: collect and render at once."""
    return _tell(review(_collect(options)), options)


def comment(options: Namespace) -> int:
    """comment: the one comment of the stack under a pull request."""
    found = _load(options.evidence)
    with Forge.of_environment() as forge:
        print(forge.comment(options.repository, options.pull, found.stack, markdown(found)))
    return CLEAN


def issue(options: Namespace) -> int:
    """issue: opens, updates or closes the one issue of the stack."""
    found = _load(options.evidence)
    with Forge.of_environment() as forge:
        title = f"Drift of stack {found.stack}"
        is_clean = not found.drift and not found.unread
        print(forge.issue(options.repository, found.stack, title, markdown(found), is_clean=is_clean))
    return CLEAN


def list_stacks(options: Namespace) -> int:
    """stacks: a JSON list for a workflow's matrix. Raises ReviewError where a workflow lists others."""
    found = stacks.stacks(options.folder, with_platform=not options.without_platform)
    if options.listed is not None:
        stacks.check_listed(found, options.listed.split())
    print(json.dumps(found))
    return CLEAN


def repair_stack(options: Namespace) -> int:
    """repair: shows the plan, asks, carries it out, looks again."""
    options.drift_only = True  # what the program would change is no business of a repair
    found = review(_collect(options))
    steps = repair.plan(found.drift)
    for line in found.unread:
        print(f"could not be read, so it is not repaired: {line}")
    if not steps:
        print(f"{options.stack}: nothing to repair" if not found.unread else f"{options.stack}: unknown")
        return FAILED if found.unread else FOUND if found.drift else CLEAN
    print(f"{options.stack}: {len(steps)} steps bring cluster and forge back to the state:")
    for step in steps:
        print(f"  - {step}")
    if not (options.yes or _is_agreed()):
        print("nothing was done")
        return FOUND
    problems = _carry_out(options, found, steps)
    for problem in problems:
        print(f"not done: {problem}", file=sys.stderr)
    after = _look_again(options)
    print(verdict(after))
    if problems or after.unread:
        return FAILED
    return FOUND if after.drift else CLEAN


def _look_again(options: Namespace) -> Review:
    """The review after a repair. A runner that still shows is looked for again: the registrar's list is seconds old."""
    end = time.monotonic() + LIST_SECONDS
    while True:
        after = review(_collect(options))
        if time.monotonic() > end or not any(one.kind is Kind.RUNNER for one in after.drift):
            return after


def _carry_out(options: Namespace, found: Review, steps: list[repair.Step]) -> list[str]:
    with (
        opened(options.folder, options.stack, options.config_file) as program,
        ClusterConnection(cluster_of(program, os.environ, options.context)) as cluster,
    ):
        return Repair(program, ClusterObjects(cluster), found.drift).carry_out(steps, print)


def _is_agreed() -> bool:
    try:
        return input("Do this? Only `yes` will do: ").strip() == "yes"
    except EOFError:
        return False


def _collect(options: Namespace) -> Evidence:
    with opened(options.folder, options.stack, options.config_file) as program:
        return collect(
            Request(
                program=program,
                context=options.context,
                without=frozenset(options.without),
                policy_pack=options.policy_pack,
                policy_pack_config=options.policy_pack_config,
                violations=tuple(_read(path) for path in options.violations),
                prices=_read(options.prices) if options.prices else {},
                with_preview=not options.drift_only,
            )
        )


def _read(path: Path) -> Any:
    """A file of JSON or YAML, which holds JSON."""
    try:
        return yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise ReviewError(f"{path}: {error}") from error


def _load(path: Path) -> Review:
    try:
        return review(Evidence.from_json(json.loads(path.read_text())))
    except (OSError, ValueError, TypeError) as error:
        raise ReviewError(f"{path}: {error}; it must be what `python -m gpu_runners.review collect` wrote") from error


def _tell(found: Review, options: Namespace) -> int:
    text = markdown(found)
    if options.markdown:
        options.markdown.write_text(text)
    else:
        print(text)
    if options.json:
        options.json.write_text(json.dumps(document(found), indent=1, ensure_ascii=False) + "\n")
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("a") as file:
            file.write(text)
    print(verdict(found), file=sys.stderr)
    return found.pull_request_code if options.pull_request else found.exit_code
