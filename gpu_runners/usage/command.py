"""What a stack's pools were used for: jobs, queue time, GPU-hours and failures by repository, workflow, pool and week.

Jobs come from the forge: GITHUB_API_URL and GITHUB_TOKEN, or for Gitea FORGE_URL and FORGE_TOKEN, name it and a token
that may read Actions. GPU-hours that stood idle and runners that failed come from Prometheus where one is named, with
PROMETHEUS_TOKEN if it wants one. Without --repository it asks about those of the scopes in which the stack's namespaces
register, which the registrar tells. Weeks begin on Monday, UTC; a job counts in the week in which it ended.

    gpu-runners usage prod
    gpu-runners usage prod --weeks 4 --format csv --prometheus http://localhost:9090
    gpu-runners usage prod --repository mlops/guide --format json
"""

import argparse
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from access.causes.reader import FactsReader
from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterError
from access.forge_errors import ForgeUnreachableError, answers_are_read
from gpu_runners.arguments import add_format, add_stack, repository, whole_number
from gpu_runners.declared_pools import DeclaredPool, declared_pools
from gpu_runners.errors import CommandFailedError
from gpu_runners.exit_code import ExitCode
from gpu_runners.output import plain, say
from gpu_runners.pulumi_command import Program, opened
from gpu_runners.stack_cluster import cluster_of
from gpu_runners.usage.formats import FORMATS
from gpu_runners.usage.jobs import Jobs
from gpu_runners.usage.prometheus import Prometheus
from gpu_runners.usage.records import JobRecord, job_record
from gpu_runners.usage.report import Idle, Key, rows
from gpu_runners.usage.weeks import Week, last_weeks
from values.scope import Scope

ERRORS: Final = (ClusterError,)
WEEKS: Final = 4
_MOST_WEEKS: Final = 53


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    add_stack(parser)
    parser.add_argument(
        "--weeks", type=_weeks, metavar="NUMBER", default=WEEKS, help=f"the present one is one ({WEEKS})"
    )
    parser.add_argument("--repository", type=repository, metavar="OWNER/NAME", help="this one alone")
    parser.add_argument("--prometheus", metavar="URL", help="where the registrar's metrics are")
    add_format(parser, *FORMATS)


def _weeks(text: str) -> int:
    return whole_number(text, _MOST_WEEKS)


def run(options: argparse.Namespace) -> ExitCode:
    """DONE. FAILED: the forge, the cluster or Prometheus gave no answer, or the report is not of everything."""
    now = datetime.now(UTC)
    weeks = list(last_weeks(options.weeks, now))
    with opened(options.folder, options.stack, options.config_file) as program:
        resources = program.export()
        pools = declared_pools(resources)
        if not pools:
            nothing = f"{options.stack} declares no pools: nothing was used"
            print(nothing if options.format == "text" else FORMATS[options.format]([]))
            return ExitCode.DONE
        scopes, untold = {options.repository: pools}, list[str]()
        if not options.repository:
            scopes, untold = by_scope(pools, _paths(program, resources, pools))
    jobs, unread = _read_jobs(scopes, weeks[0])
    idle = _idle(options.prometheus, weeks, pools, now)
    print(FORMATS[options.format](rows(jobs, idle)))
    if options.format == "text" and not options.prometheus:
        say("GPU-hours idle are not known: name the Prometheus that reads the registrar's metrics with --prometheus")
    gaps = (*untold, *unread)
    for gap in gaps:
        print(plain(f"not read: {gap}"), file=sys.stderr)
    return ExitCode.FAILED if gaps else ExitCode.DONE


def _paths(
    program: Program, resources: Sequence[dict[str, object]], pools: Iterable[DeclaredPool]
) -> dict[str, str | None]:
    """Of each namespace the scope in which it registers, by the registrar's word; None where none is told."""
    with ClusterConnection(cluster_of(program, os.environ, resources=resources)) as cluster:
        reader = FactsReader(cluster)
        return {namespace: reader.scope(namespace) for namespace in sorted({pool.namespace for pool in pools})}


def by_scope(
    pools: Iterable[DeclaredPool], paths: Mapping[str, str | None]
) -> tuple[dict[Scope, list[DeclaredPool]], list[str]]:
    """The pools of each scope, and what is not known of others. Raises CommandFailedError where none at all is."""
    found: dict[Scope, list[DeclaredPool]] = defaultdict(list)
    for pool in pools:
        if (path := paths[pool.namespace]) is not None:
            found[Scope(path)].append(pool)
    if not found:
        raise CommandFailedError(
            "no registrar told a scope in which the pools register; name a repository with --repository"
        )
    untold = [namespace for namespace, path in paths.items() if path is None]
    return dict(found), [f"jobs of the pools in {namespace}: no registrar told their scope" for namespace in untold]


def _read_jobs(scopes: Mapping[Scope, Sequence[DeclaredPool]], first: Week) -> tuple[list[JobRecord], Sequence[str]]:
    """The jobs of the pools of each scope since a week, and what could not be read.

    Raises CommandFailedError where nothing could; where the forge writes what cannot be read as well.
    """
    records = []
    # A repository may be in several scopes: itself, its organization and the instance. Forges name it in any case.
    pools_of: dict[str, tuple[Scope, list[DeclaredPool]]] = {}
    try:
        with Jobs() as forge, answers_are_read("a question about jobs"):
            for scope, pools in scopes.items():
                for repository in forge.repositories(scope):
                    pools_of.setdefault(repository.path.lower(), (repository, []))[1].extend(pools)
            for repository, able in pools_of.values():
                for workflow, job in forge.of_repository(repository, first.begin):
                    record = job_record(repository.path, workflow, job, able, forge.kind)
                    if record is not None and record.ended >= first.begin:
                        records.append(record)
            forge.require_any()
            return records, forge.gaps
    except ForgeUnreachableError as error:
        raise CommandFailedError(str(error)) from error


def _idle(url: str | None, weeks: Iterable[Week], pools: Iterable[DeclaredPool], now: datetime) -> dict[Key, Idle]:
    if not url:
        return {}
    with Prometheus(url, os.environ.get("PROMETHEUS_TOKEN", "")) as prometheus:
        return prometheus.idle(weeks, [pool.key for pool in pools], now)
