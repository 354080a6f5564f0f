"""What a failed demo shows: the end of the log that matters, and what the cluster has to say about it."""

from collections.abc import Iterator

from lab import paths
from lab.demo.cluster_view import ClusterView
from lab.demo.settings import Pool, Stacks
from lab.demo.watching import RunWatch
from lab.errors import LabError

LOG_LINES = 25
REGISTRAR_LINES = 8
WARNINGS = 8


def report(watch: RunWatch, cluster: ClusterView, stacks: Stacks) -> str:
    """Sections of text, the most telling first. Never raises: the reason for the failure must not get lost."""
    try:
        warnings = _warnings(watch, cluster, stacks.gpu_pool())
        parts = (*_jobs(watch), *warnings, *_registrar(watch, cluster, stacks.registrar_namespace()))
        return "\n".join([*parts, f"logs of the lab's parts: {paths.LOGS}"])
    except LabError as error:
        return f"(nothing more is known: {error})\nlogs of the lab's parts: {paths.LOGS}"


def _jobs(watch: RunWatch) -> Iterator[str]:
    for name, job in watch.last.jobs.items():
        if job.conclusion in ("success", "skipped"):
            continue
        lines = watch.log(name)
        if lines:
            yield f"end of the log of job {name}:"
            yield from (f"    {line.text}" for line in lines[-LOG_LINES:])
        else:
            yield f"job {name} has no log: it is {job.status}{f' ({job.conclusion})' if job.conclusion else ''}"


def _warnings(watch: RunWatch, cluster: ClusterView, pool: Pool) -> Iterator[str]:
    for namespace in sorted({pool.namespace, *(pod.namespace for pod in watch.pods.values())}):
        lines = list(dict.fromkeys(cluster.warnings(namespace, watch.since)))[-WARNINGS:]
        if lines:
            yield f"warnings in namespace {namespace}:"
            yield from (f"    {line}" for line in lines)
    for pod in watch.last.pods.values():
        if not pod.is_online:
            where = f"on {pod.node}" if pod.node else "not scheduled"
            yield f"pod {pod.name}: {pod.phase}, {where}, {'registered' if pod.is_registered else 'not registered'}"


def _registrar(watch: RunWatch, cluster: ClusterView, namespace: str) -> Iterator[str]:
    """Only where a job found no runner: else the registrar has nothing to do with the failure."""
    if not any(job.status == "queued" for job in watch.last.jobs.values()):
        return
    populated = {(pod.pool, pod.namespace) for pod in watch.last.pods.values()}
    for pool in sorted(cluster.pools - {Pool(*names) for names in populated}, key=lambda pool: pool.name):
        yield f"pool {pool.name} has no pod: see `kubectl -n {pool.namespace} describe deployment,replicaset`"
    yield "end of the registrar's log:"
    yield from (f"    {line}" for line in cluster.registrar_log(namespace, REGISTRAR_LINES))
