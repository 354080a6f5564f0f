"""Why a pool, or a job, does not go on: the first cause from the stack to the forge, its evidence and its cure.

It looks at the stack's state, the cluster, the registrar and, through it, at the forge; it changes nothing and takes no
lock. A job is its number at the forge, OWNER/REPOSITORY/NUMBER, or its page there. What this identity may not look at
is named: an answer is as good as that.

    gpu-runners why cuda
    gpu-runners why runners/cuda --stack prod
    gpu-runners why 4711 --format json
"""

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from access.causes.cause import Cause
from access.causes.facts import Facts
from access.causes.jobs import job_cause, job_unknown
from access.causes.order import first_cause
from access.causes.reader import FactsReader
from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterError
from access.online.snapshot import PoolSnapshot
from gpu_runners.arguments import add_folder, add_format, existing_file, stack_name
from gpu_runners.declared_pools import DeclaredPool, configured_names, declared_pools
from gpu_runners.exit_code import ExitCode
from gpu_runners.output import say
from gpu_runners.pulumi_command import Program, opened
from gpu_runners.stack_cluster import cluster_of
from gpu_runners.why.selected import selected_stack
from gpu_runners.why.subject import JobName, job_name, named_pools, stack_facts

ERRORS: Final = (ClusterError,)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    parser.add_argument("subject", metavar="POOL", help="a pool, NAMESPACE/POOL, or a job")
    parser.add_argument("--stack", metavar="STACK", type=stack_name, help="the pool's stack (the selected one)")
    add_folder(parser)
    parser.add_argument(
        "--config-file", type=existing_file, metavar="FILE", help="the stack's file (Pulumi.STACK.yaml of the folder)"
    )
    add_format(parser, "text", "json")


@dataclass(frozen=True)
class Answer:
    """About one pool or job; unread is what could not be looked at."""

    subject: str
    cause: Cause
    unread: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """As JSON prints it."""
        cause = self.cause
        return {
            "subject": self.subject, "situation": cause.situation, "layer": cause.layer.value, "cause": cause.cause,
            "evidence": list(cause.evidence), "cure": cause.cure, "trouble": cause.is_trouble,
            "unread": list(self.unread),
        }  # fmt: skip


def run(options: argparse.Namespace) -> ExitCode:
    """FOUND: a cause. DONE: nothing is wrong. FAILED: nothing was found, and something could not be looked at."""
    stack = options.stack or selected_stack(options.folder)
    with opened(options.folder, stack, options.config_file) as program:
        answers = list(_answers(program, options.subject))
    if options.format == "json":
        print(json.dumps([answer.document() for answer in answers], indent=2))
    else:
        for answer in answers:
            _say(answer)
    if any(answer.cause.is_trouble for answer in answers):
        return ExitCode.FOUND
    return ExitCode.FAILED if any(answer.unread for answer in answers) else ExitCode.DONE


def _say(answer: Answer) -> None:
    first, *rest = answer.cause.lines()
    say("\n".join([f"{answer.subject}: {first}", *(f"  {line}" for line in rest)]))
    for unread in answer.unread:
        say(f"  not looked at: {unread}")


def _answers(program: Program, subject: str) -> Iterator[Answer]:
    resources = program.export()
    pools, configured = declared_pools(resources), configured_names(program.config)
    named = named_pools(subject, pools)
    bare = subject.rpartition("/")[2]
    job = None if named or bare in (configured or ()) else job_name(subject)
    if not named and job is None:
        stack = stack_facts(program.stack, subject, pools, configured)
        facts = Facts(namespace="", name=bare, pool=PoolSnapshot(bare, 0, exists=False), stack=stack)
        yield Answer(subject, first_cause(facts))
        return
    try:
        with ClusterConnection(cluster_of(program, os.environ, resources=resources)) as cluster:
            ask = _Asking(FactsReader(cluster), program.stack, pools, configured)
            yield from ask.about_job(job) if job is not None else map(ask.about_pool, named)
    except ClusterError as error:
        facts = Facts(
            namespace="", name=bare, pool=PoolSnapshot(bare, 0, exists=False),
            cluster_problem=(error.problem.found, error.problem.cure),
        )  # fmt: skip
        yield Answer(subject, first_cause(facts))


@dataclass(frozen=True)
class _Asking:
    reader: FactsReader
    stack: str
    pools: Sequence[DeclaredPool]
    configured: tuple[str, ...] | None

    def about_pool(self, pool: DeclaredPool) -> Answer:
        stack = stack_facts(self.stack, pool.key, self.pools, self.configured)
        facts = self.reader.read(pool.namespace, pool.name, stack)
        return Answer(pool.name, first_cause(facts), facts.unread)

    def about_job(self, name: JobName) -> Iterator[Answer]:
        """The job's own answer, or those of the pools of this stack that could take it."""
        subject, ours = f"job {name.number}", {pool.key: pool for pool in self.pools}
        for namespace in sorted({pool.namespace for pool in self.pools}):
            for job in self.reader.jobs(namespace, name.number):
                if not name.is_of(job):
                    continue
                cause = job_cause(job, ours, self.reader.unserved(namespace) if not job.pools else ())
                if cause is not None:
                    yield Answer(subject, cause)
                    return
                for pool in (ours[key] for key in job.pools if key in ours):
                    answer = self.about_pool(pool)
                    yield Answer(f"{subject}, for which {pool.name} is", answer.cause, answer.unread)
                return
        yield Answer(subject, job_unknown(name.number, self.reader.unread), self.reader.unread)
