"""Unserved: jobs that wait and that no pool can take, however long they wait, with the cure. Pure."""

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from registrar.forges.forge import Job
from registrar.pods import RunnerPod
from registrar.queue import Pool, left_to, untaken
from registrar.untrusted import words
from values.runner_label import compared, means_hosted
from values.scheduler_message import cure_for
from values.scope import Scope

NO_POOL: Final = "NoPool"  # no pool offers these labels
NO_GROUP: Final = "NoGroup"  # one does, in a runner group that the job's repository or workflow may not use
NO_NODE: Final = "NoNode"  # one does, and no node could hold its runners
REASONS: Final = (NO_POOL, NO_GROUP, NO_NODE)
MOST_NAMED: Final = 5  # jobs of one entry that are named
LONGEST: Final = 1024  # letters of a text
# Whoever may push makes up labels, hundreds in one matrix, and to look for the nearest of a hundred takes milliseconds.
MOST_KINDS: Final = 100  # of jobs that are told one by one
MOST_SHOWN: Final = 10  # labels in a text
MOST_UNKNOWN: Final = 10  # labels that nobody offers for which the nearest is looked for
MOST_OFFERED: Final = 100  # labels among which it is


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
    """The jobs of a scope whose labels or groups no pool offers; those alike are one entry, as the last kinds are."""
    own = [pool for pool in pools if pool.scope == scope]
    alike: dict[frozenset[str], list[Job]] = {}
    for job in untaken(own, scope, waiting):
        if not means_hosted(job.labels):  # else it means a runner of the forge's own
            alike.setdefault(job.labels, []).append(job)
    offered, kinds = _Offered(own), list(alike.items())
    entries = [_without_pool(scope, own, offered, tuple(sorted(labels)), jobs) for labels, jobs in kinds[:MOST_KINDS]]
    if rest := kinds[MOST_KINDS:]:
        problem = f"no pool of {_name(scope)} takes jobs with {len(rest)} more sets of labels"
        cure = "see `runs-on` of these jobs, whose labels look made up, each for one job"
        entries.append(
            _entry(scope, NO_POOL, (), jobs=[job for _, jobs in rest for job in jobs], problem=problem, cure=cure)
        )
    return entries


def without_node(
    pools: Collection[Pool], waiting: Iterable[Job], pods: Mapping[str, Iterable[RunnerPod]]
) -> list[Unserved]:
    """The jobs that only pools can take of which a runner waits that no node could hold; `pods` by the pools' keys."""
    hopeless = {pool.key: pod for pool in pools for pod in pods.get(pool.key, ()) if pod.hopeless and not pod.deleting}
    jobs = left_to(hopeless, pools, waiting) if hopeless else {}
    return [_without_node(pool, jobs[pool.key], hopeless[pool.key]) for pool in pools if pool.key in jobs]


class _Offered:
    """The labels of pools, and the nearest of them to those that none offers: of the first few, as it takes time."""

    def __init__(self, pools: Iterable[Pool]) -> None:
        pools = list(pools)
        self._forge = pools[0].forge if pools else ""
        self._labels = compared(chain.from_iterable(pool.labels for pool in pools), self._forge)
        self._known = {label.lower(): label for pool in pools for label in sorted(pool.labels)}
        self._all = _list(sorted(self._known.values())) or "no label at all"
        self._near: dict[str, str] = {}

    def unknown(self, labels: Iterable[str]) -> list[str]:
        """Those of a job's labels that no pool offers."""
        return [label for label in labels if not compared([label], self._forge) <= self._labels]

    def cure(self, unknown: list[str]) -> str:
        """What to write instead, as far as a pool has it; else that a pool is missing."""
        if meant := [(near, label) for label in unknown if (near := self._nearest(label))][:MOST_SHOWN]:
            return "did you mean " + ", ".join(f"{near} instead of {label}" for near, label in meant) + "?"
        if unknown:
            return f"add {_list(unknown)} to the labels of a pool, or write one of those that are offered: {self._all}"
        return "no single pool has all of them: write the labels of one pool, or add the missing ones to it"

    def _nearest(self, label: str) -> str:
        if label not in self._near and len(self._near) < MOST_UNKNOWN:
            near = difflib.get_close_matches(label.lower(), list(self._known)[:MOST_OFFERED], n=1)
            self._near[label] = self._known[near[0]] if near else ""
        return self._near.get(label, "")


def _without_pool(
    scope: Scope, pools: Collection[Pool], offered: _Offered, labels: tuple[str, ...], jobs: list[Job]
) -> Unserved:
    written = _list(labels) or "no label"
    unknown = offered.unknown(labels)
    # Most of what nobody takes has a label that nobody offers: for that no pool need be looked at.
    able = [] if unknown else [pool for pool in pools if pool.offers(labels)]
    if able:
        groups = sorted({pool.group or "the default one" for pool in able})
        problem = f"pools offer {written}, in runner groups that this repository or workflow may not use"
        cure = f"let the group take it (platform.runnerGroups of the platform's stack): {', '.join(groups)}"
    else:
        problem, cure = f"no pool of {_name(scope)} offers {written}", offered.cure(unknown)
    return _entry(scope, NO_GROUP if able else NO_POOL, labels, jobs=jobs, problem=problem, cure=cure)


def _list(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - MOST_SHOWN} more" if len(labels) > MOST_SHOWN else ""
    return f"{', '.join(labels[:MOST_SHOWN])}{more}"


def _name(scope: Scope) -> str:
    return scope.path or "the instance"


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
