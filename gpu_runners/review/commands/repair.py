"""Brings cluster and forge back to the stack's state: takes out and puts back what was changed by hand.

Shows its steps and what it leaves, asks, takes the stack's lock, looks again, and does what is still the same of what
was agreed to. What the program would change stays pending. Deletes nothing that may hold data or be another tool's.

    gpu-runners repair dev
    gpu-runners repair dev --yes --without runners
"""

import argparse
import os
import sys
import time
from collections.abc import Iterable
from typing import Any

from access.cluster.connection import ClusterConnection
from gpu_runners.arguments import add_yes
from gpu_runners.exit_code import ExitCode
from gpu_runners.output import plain, say
from gpu_runners.pulumi_command import Program, opened
from gpu_runners.question import ask
from gpu_runners.review.cluster_writes import ClusterWrites
from gpu_runners.review.commands.looking import ERRORS, add_looking, drift_evidence
from gpu_runners.review.core.evidence import declared, namespaces
from gpu_runners.review.core.findings import Kind, Review
from gpu_runners.review.core.markdown import verdict
from gpu_runners.review.core.repair import Action, Left, Plan, Step, agreed_now, plan
from gpu_runners.review.core.reviewing import review
from gpu_runners.review.repairing import Repair
from gpu_runners.review.runner_removal import RunnerRemoval
from gpu_runners.review.stack_lock import stack_lock
from gpu_runners.stack_cluster import cluster_of

LIST_SECONDS = 6.0  # longer than the registrar keeps its list of runners

__all__ = ["ERRORS", "add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    add_looking(parser)
    add_yes(parser, "whether the steps shall be done: they shall")


def run(options: argparse.Namespace) -> ExitCode:
    """FOUND: nobody agreed, or drift is left."""
    with opened(options.folder, options.stack, options.config_file) as program:
        return _repair(program, options)


def _repair(program: Program, options: argparse.Namespace) -> ExitCode:
    evidence = drift_evidence(program, options)
    before = review(evidence)
    for line in before.unread:
        say(f"could not be read, so it is not repaired: {line}")
    if not before.drift:
        say(f"{options.stack}: nothing to repair" if not before.unread else f"{options.stack}: unknown")
        return _code(before)
    with ClusterConnection(cluster_of(program, os.environ, options.context)) as connection:
        cluster = ClusterWrites(connection)
        places = namespaces(declared(evidence.state).values())
        repair = Repair(program, cluster, RunnerRemoval(connection, places))
        planned = plan(evidence, before.drift, cluster.autoscaled(places))
        steps = _show(options.stack, planned, repair)
        if not steps:
            return _code(before)
        if not (options.yes or ask("Do this? Only `yes` will do: ") == "yes"):
            say("nothing was done")
            return ExitCode.FOUND
        with stack_lock(program) as lock:
            again = drift_evidence(program, options)
            now = plan(again, review(again).drift, cluster.autoscaled(places))
            same, changed = agreed_now(steps, now)
            repair = Repair(program, cluster, RunnerRemoval(connection, places))
            problems = [*map(str, changed), *repair.carry_out(same, say, lock.require)]
    for problem in problems:
        print(plain(f"not done: {problem}"), file=sys.stderr)
    after = _look_again(program, options, same)
    say(verdict(after))
    return ExitCode.FAILED if problems else _code(after)


def _show(stack: str, planned: Plan, repair: Repair) -> list[Step]:
    """What would be done, each step once the API server has said that it would take it; and what is left, and why."""
    foreseen = {id(step): repair.foresee(step) for step in planned.steps}
    steps = [step for step in planned.steps if not foreseen[id(step)]]
    left: Iterable[Any] = [
        *planned.left,
        *(Left(what=str(step), reason=foreseen[id(step)]) for step in planned.steps if foreseen[id(step)]),
    ]
    if steps:
        say(f"{stack}: {len(steps)} steps bring cluster and forge back to the state:")
    for step in steps:
        say(f"  - {step}")
        for drift in step.drifts if step.action is Action.RESTORE and step.uid else ():
            say(f"      {drift.field}: {drift.live} → {drift.declared}")
    for line in left:
        say(f"left as it is: {line}")
    return steps


def _code(found: Review) -> ExitCode:
    if found.unread:
        return ExitCode.FAILED
    return ExitCode.FOUND if found.drift else ExitCode.DONE


def _look_again(program: Program, options: argparse.Namespace, done: Iterable[Step]) -> Review:
    """The review after a repair. A runner that still shows is looked for again: the registrar's list is seconds old."""
    end = time.monotonic() + LIST_SECONDS
    removed = {step.runner[:2] for step in done if step.runner}
    while True:
        after = review(drift_evidence(program, options))
        shows = any(drift.kind is Kind.RUNNER and drift.runner in removed for drift in after.drift)
        if not shows or time.monotonic() > end:
            return after
