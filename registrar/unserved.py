"""Unserved: jobs that wait and that no pool can take, however long they wait, with the cure. Pure."""

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from registrar.forges.forge import Job
from registrar.pods import RunnerPod
from registrar.queue import Pool, left_to, untaken
from registrar.untrusted import words
from values.runner_label import is_hosted_label
from values.scheduler_message import cure_for
from values.scope import Scope

NO_POOL: Final = "NoPool"  # no pool offers these labels
NO_GROUP: Final = "NoGroup"  # one does, in a runner group that the job's repository or workflow may not use
NO_NODE: Final = "NoNode"  # one does, and no node could hold its runners
REASONS: Final = (NO_POOL, NO_GROUP, NO_NODE)
MOST_NAMED: Final = 5  # jobs of one entry that are named
LONGEST: Final = 1024  # letters of a text


@dataclass(frozen=True, kw_only=True)
class Unserved:
    """Jobs of a scope that wait for the same thing. `jobs` names the first of `number`; pool is "" without one."""

    scope: Scope
    reason: str
    labels: tuple[str, ...]
    number: int
    jobs: tuple[str, ...]
    pool: str
    problem: str
    cure: str

    def document(self) -> dict[str, Any]:
        """As `/unserved` tells it."""
        return {
            "scope": self.scope.path, "reason": self.reason, "labels": list(self.labels), "number": self.number,
            "jobs": list(self.jobs), "pool": self.pool, "problem": self.problem, "cure": self.cure,
        }  # fmt: skip


def without_pool(scope: Scope, pools: Iterable[Pool], waiting: Iterable[Job]) -> list[Unserved]:
    """The jobs of a scope whose labels or groups no pool offers; those alike are one entry."""
    own = [pool for pool in pools if pool.scope == scope]
    alike: dict[tuple[tuple[str, ...], bool], list[Job]] = {}
    for job in untaken(own, scope, waiting):
        if not any(map(is_hosted_label, job.labels)):  # else it means a runner of the forge's own
            offered = any(pool.offers(job.labels) for pool in own)
            alike.setdefault((tuple(sorted(job.labels)), offered), []).append(job)
    return [_without_pool(scope, own, labels, jobs, offered=offered) for (labels, offered), jobs in alike.items()]


def without_node(
    pools: Collection[Pool], waiting: Iterable[Job], pods: Mapping[str, Iterable[RunnerPod]]
) -> list[Unserved]:
    """The jobs that only pools can take of which a runner waits that no node could hold; `pods` by the pools' keys."""
    hopeless = {pool.key: pod for pool in pools for pod in pods.get(pool.key, ()) if pod.hopeless and not pod.deleting}
    jobs = left_to(hopeless, pools, waiting) if hopeless else {}
    return [_without_node(pool, jobs[pool.key], hopeless[pool.key]) for pool in pools if pool.key in jobs]


def _without_pool(
    scope: Scope, pools: Collection[Pool], labels: tuple[str, ...], jobs: list[Job], *, offered: bool
) -> Unserved:
    written = ", ".join(labels) or "no label"
    if offered:
        groups = sorted({pool.group or "the default one" for pool in pools if pool.offers(labels)})
        problem = f"pools offer {written}, in runner groups that this repository or workflow may not use"
        cure = f"let the group take it (platform.runnerGroups of the platform's stack): {', '.join(groups)}"
    else:
        problem, cure = f"no pool of {scope.path or 'the instance'} offers {written}", _nearest(pools, labels)
    return _entry(scope, NO_GROUP if offered else NO_POOL, labels, jobs=jobs, problem=problem, cure=cure)


def _nearest(pools: Collection[Pool], labels: tuple[str, ...]) -> str:
    """What to write instead, as far as a pool has it; else that a pool is missing."""
    known = {label.lower(): label for pool in pools for label in sorted(pool.labels)}
    unknown = [label for label in labels if not any(pool.offers([label]) for pool in pools)]
    meant = [(label, near) for label in unknown if (near := difflib.get_close_matches(label.lower(), known, n=1))]
    if meant:
        return "did you mean " + ", ".join(f"{known[near[0]]} instead of {label}" for label, near in meant) + "?"
    if unknown:
        has = ", ".join(sorted(known.values())) or "no label at all"
        return f"add {', '.join(unknown)} to the labels of a pool, or write one of those that are offered: {has}"
    return "no single pool has all of them: write the labels of one pool, or add the missing ones to it"


def _without_node(pool: Pool, waiting: Iterable[Job], pod: RunnerPod) -> Unserved:
    problem = f"no node can hold a runner of pool {pool.key}: {pod.cause}"
    cure = f"{cure_for(pod.cause)}; where nodes come and go, see why none comes (docs/stacks.md)"
    labels = tuple(sorted(pool.labels))
    return _entry(pool.scope, NO_NODE, labels, jobs=list(waiting), problem=problem, cure=cure, pool=pool.key)


def _entry(
    scope: Scope, reason: str, labels: tuple[str, ...], *, jobs: list[Job], problem: str, cure: str, pool: str = ""
) -> Unserved:
    named = tuple(words(str(job)) for job in jobs[:MOST_NAMED])
    return Unserved(
        scope=scope, reason=reason, labels=tuple(map(words, labels)), number=len(jobs), jobs=named, pool=pool,
        problem=words(problem, most=LONGEST), cure=words(cure, most=LONGEST),
    )  # fmt: skip
