"""Waits until every runner of a stack is online, as `pulumi up` does, and changes nothing.

It asks the cluster that the stack is on about the pools that the stack's state holds, and takes no lock. Done: each
runner is online, or only waits for a GPU that a job of the same pool holds. Found: one will not come online as things
are, or did not within `onlineDeadlineSeconds`; then it says what is missing, and the cure. Ctrl-C or SIGTERM ends it
at once with what is missing.

    gpu-runners wait prod
    gpu-runners wait dev --config-file Pulumi.dev.yaml
"""

import argparse
import os
from collections.abc import Sequence
from typing import Final

from access.causes.failing import explaining
from access.clock import SystemClock
from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterError
from access.online.progress import online_count
from access.online.reader import PoolReader
from access.online.snapshot import PoolSnapshot
from access.online.wait import PoolsNotOnlineError, PoolsUnreadError, missing_when_ended, wait_until_online
from gpu_runners.arguments import add_stack
from gpu_runners.declared_pools import DeclaredPool, declared_pools
from gpu_runners.errors import CommandFailedError
from gpu_runners.exit_code import ExitCode
from gpu_runners.output import say
from gpu_runners.pulumi_command import opened
from gpu_runners.stack_cluster import cluster_of
from gpu_runners.wait.declared import (
    asleep,
    deadline_seconds,
    not_brought_up,
    scaled_down,
)
from gpu_runners.wait.reading import LookingThread

ERRORS: Final = (ClusterError,)
AFTERWARDS: Final = "  Nothing was changed, and the pools go on trying. Change what the cure names, and ask again."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    add_stack(parser)


def run(options: argparse.Namespace) -> ExitCode:
    """DONE: every runner is online. FOUND: one is not."""
    with opened(options.folder, options.stack, options.config_file) as program:
        resources = program.export()
        pools = declared_pools(resources)
        if names := not_brought_up(program.config, pools):
            say(f"{', '.join(names)}: configured, and not in the state of {options.stack}")
            say(f"  cure: `pulumi up --stack {options.stack}` declares it, and waits until it is online")
            return ExitCode.FOUND
        if not pools:
            say(f"{options.stack} declares no pools: there is nothing to wait for")
            return ExitCode.DONE
        deadline = deadline_seconds(program.config)
        with ClusterConnection(cluster_of(program, os.environ, resources=resources)) as cluster:
            return _wait(cluster, pools, deadline)


def _wait(cluster: ClusterConnection, pools: Sequence[DeclaredPool], deadline: int) -> ExitCode:
    clock = SystemClock()
    places = [(pool.namespace, pool.name) for pool in pools]
    reader = PoolReader(cluster.get, places, clock.now)
    look = LookingThread(reader.read)
    seen: list[PoolSnapshot] = []

    def read() -> list[PoolSnapshot]:
        seen[:] = look()
        return seen

    try:
        wait_until_online(read, _report, deadline, clock, AFTERWARDS, explain=explaining(cluster, places))
    except PoolsUnreadError as error:
        raise CommandFailedError(str(error)) from error
    except PoolsNotOnlineError as error:
        say(error)
        return ExitCode.FOUND
    except KeyboardInterrupt:
        say(missing_when_ended(seen))
        raise
    return _conclude(pools, seen)


def _conclude(pools: Sequence[DeclaredPool], seen: Sequence[PoolSnapshot]) -> ExitCode:
    if lines := scaled_down(pools, seen):
        say("\n".join(["fewer runners than the stack declares:", *lines, AFTERWARDS]))
        return ExitCode.FOUND
    for line in asleep(pools, seen):
        say(line)
    awaited = sum(pool.replicas - online_count(pool) for pool in seen if pool.replicas > online_count(pool))
    say(f"online: the others wait for a GPU that a job holds ({awaited})" if awaited else "every runner is online")
    return ExitCode.DONE


def _report(line: str, *, ephemeral: bool) -> None:  # noqa: ARG001 - a terminal keeps every line
    say(line)
