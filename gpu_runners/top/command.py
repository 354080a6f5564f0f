"""Shows a stack's pools and runners, their jobs, the GPUs by placement and the last failures, anew every few seconds.

On a terminal each page takes the place of the one before; q ends it. Elsewhere it prints one page, as plain text. It
looks at the cluster and at the registrar, changes nothing and takes no lock. The state of a pool is the answer of
`gpu-runners why`; what this identity may not look at is named.

    gpu-runners top prod
    gpu-runners top prod --every 10
"""

import argparse
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from access.causes.facts import Facts, StackFacts
from access.causes.reader import FactsReader
from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterError
from gpu_runners.arguments import add_stack, whole_number
from gpu_runners.declared_pools import DeclaredPool, declared_pools
from gpu_runners.errors import CommandFailedError
from gpu_runners.exit_code import ExitCode
from gpu_runners.output import say
from gpu_runners.pulumi_command import CHILDREN, opened
from gpu_runners.stack_cluster import cluster_of
from gpu_runners.top import terminal
from gpu_runners.top.page import page
from gpu_runners.top.state_pools import StatePools

ERRORS: Final = (ClusterError,)
SECONDS: Final = 2
_LONGEST_SECONDS: Final = 3600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    add_stack(parser)
    parser.add_argument(
        "--every", type=_seconds, metavar="SECONDS", default=SECONDS, help=f"from one look to the next ({SECONDS})"
    )


def _seconds(text: str) -> int:
    return whole_number(text, _LONGEST_SECONDS, " of seconds")


def run(options: argparse.Namespace) -> ExitCode:
    """DONE. FAILED: the one page of plain text could not be read."""
    with opened(options.folder, options.stack, options.config_file) as program:
        resources = program.export()
        pools = declared_pools(resources)
        if not pools:
            say(f"{options.stack} declares no pools: there is nothing to show")
            return ExitCode.DONE
        with ClusterConnection(cluster_of(program, os.environ, resources=resources)) as cluster:
            show = _show_pages if terminal.is_terminal() else _say_page
            return show(cluster, pools, options)


def _declared(options: argparse.Namespace) -> Sequence[DeclaredPool]:
    """The pools of the state, which is checked by the config as it is by now."""
    with opened(options.folder, options.stack, options.config_file) as program:
        return declared_pools(program.export())


def _read(cluster: ClusterConnection, stack: str, pools: Sequence[DeclaredPool]) -> list[Facts]:
    reader = FactsReader(cluster)
    names = tuple(pool.name for pool in pools)
    return [
        reader.read(pool.namespace, pool.name, StackFacts(stack=stack, replicas=pool.replicas, pools=names))
        for pool in pools
    ]


def _say_page(cluster: ClusterConnection, pools: Sequence[DeclaredPool], options: argparse.Namespace) -> ExitCode:
    """One, as plain text. Raises CommandFailedError where the cluster tells nothing of any pool."""
    looked = _read(cluster, options.stack, pools)
    problems = [facts.cluster_problem for facts in looked if facts.cluster_problem]
    if len(problems) == len(looked):
        raise CommandFailedError(". ".join(problems[0]))
    for line in page(options.stack, _clock(), looked):
        say(line)
    return ExitCode.DONE


def _show_pages(cluster: ClusterConnection, pools: Sequence[DeclaredPool], options: argparse.Namespace) -> ExitCode:
    """One in place of the other until somebody leaves. A look at the state holds up neither them nor the end."""
    with ThreadPoolExecutor(1, thread_name_prefix="state") as beside, terminal.screen():
        state = StatePools(pools, lambda: _declared(options), beside)
        try:
            while True:
                pools, problem = state.now()
                terminal.show(page(options.stack, _clock(), _read(cluster, options.stack, pools), problem))
                if terminal.is_left(options.every):
                    return ExitCode.DONE
        finally:
            CHILDREN.kill()  # Pulumi only looks; its thread ends with it


def _clock() -> str:
    # As the cluster tells when a runner failed: two clocks on a page would be hours apart.
    return time.strftime("%H:%M:%S UTC", time.gmtime())
