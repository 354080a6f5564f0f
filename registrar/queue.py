"""Jobs waiting and running per pool, for an autoscaler. Pure: it matches labels, it asks nobody."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from registrar.forges.forge import Job
from values.runner_label import folded
from values.scope import Scope


@dataclass(frozen=True, kw_only=True, order=True)
class Pool:
    """A pool and the runner labels it offers in its scope."""

    namespace: str
    name: str
    scope: Scope
    labels: frozenset[str]

    @property
    def key(self) -> str:
        """As `/queue` names it."""
        return f"{self.namespace}/{self.name}"


def count(
    pools: Iterable[Pool],
    *,
    waiting: Mapping[Scope, Iterable[Job]],
    running: Mapping[Scope, Iterable[Job]],
    pool_of_runner: Mapping[int, str],
) -> dict[str, dict[str, int]]:
    """{"<namespace>/<pool>": {"waiting": n, "running": m}}; `waiting` and `running` hold the jobs of each scope.

    A waiting job counts once, for the pool with the fewest labels that offers all of its own: were it counted for every
    pool that could take it, each of them would be scaled up for the same job. A running job counts for the pool of its
    runner's pod, and by its labels where that pod is not known.
    """
    ordered = sorted(pools, key=lambda pool: (len(pool.labels), pool.key))
    counted = {pool.key: {"waiting": 0, "running": 0} for pool in ordered}
    for scope, jobs in waiting.items():
        for job in jobs:
            _add(counted, _taker(ordered, scope, job), "waiting")
    for scope, jobs in running.items():
        for job in jobs:
            known = pool_of_runner.get(job.runner_id) if job.runner_id is not None else None
            _add(counted, known or _taker(ordered, scope, job), "running")
    return counted


def _taker(ordered: list[Pool], scope: Scope, job: Job) -> str | None:
    wanted = folded(job.labels)
    return next((pool.key for pool in ordered if pool.scope == scope and wanted <= folded(pool.labels)), None)


def _add(counted: dict[str, dict[str, int]], key: str | None, what: str) -> None:
    if key in counted:
        counted[key][what] += 1
