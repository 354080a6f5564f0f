"""Jobs waiting and running per pool, for an autoscaler. Pure: it matches labels, it asks nobody."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final

from registrar.forges.forge import Job
from values.runner_label import compared
from values.scope import Scope

NOBODY: Final = ""  # whom a job is counted for that no pool can take


@dataclass(frozen=True, kw_only=True)
class Stuck:
    """The runners of a pool for which more are asked for in vain, as its pods are refused, no node could hold them, or
    they fail one after the other; and how many stay asked for though jobs of it count for another pool: by these it is
    seen that it can have more again.
    """

    runners: int
    asked: int


@dataclass(frozen=True, kw_only=True, order=True)
class Pool:
    """A pool and the runner labels it offers in its scope; `forge` is the kind of the forge, which matches them.

    group: the forge's group of its runners, None for the default one. most: how many runners it may have, None for any.
    is_fixed: it has these, whatever waits. stuck: None where it gets the runners that are asked for.
    """

    namespace: str
    name: str
    scope: Scope
    forge: str = field(compare=False)
    labels: frozenset[str] = field(compare=False)
    group: str | None = field(default=None, compare=False)
    most: int | None = field(default=None, compare=False)
    is_fixed: bool = field(default=False, compare=False)
    stuck: Stuck | None = field(default=None, compare=False)

    @property
    def key(self) -> str:
        """As `/queue` names it."""
        return f"{self.namespace}/{self.name}"

    def offers(self, labels: Iterable[str]) -> bool:
        """Whether its runners have all of these labels, as the forge compares them."""
        return compared(labels, self.forge) <= compared(self.labels, self.forge)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a runner is: the pool of its pod, and whether that pod is leaving, so that another takes its place."""

    pool: str
    leaving: bool = False


@dataclass(kw_only=True)
class Count:
    """Jobs of one pool. `wanted` is the number of runners it needs: a job on a pod that leaves needs no other.

    `first` is the place in the queue of its oldest waiting job, None where none waits. `asked` is Stuck's, 0 where no
    job of the pool counts for another.
    """

    waiting: int = 0
    running: int = 0
    leaving: int = 0
    asked: int = 0
    first: int | None = None

    @property
    def wanted(self) -> int:
        """Jobs that wait, and those that run on pods that stay; no fewer than stay asked for."""
        return max(self.waiting + self.running - self.leaving, self.asked)

    def wait(self, job: Job) -> None:
        """One more waits."""
        self.waiting += 1
        place = place_in_queue(job)
        self.first = place if self.first is None else min(self.first, place)


def place_in_queue(job: Job) -> int:
    """Both forges number the jobs of all repositories in the order in which these were made."""
    return int(job.id.rpartition("/")[2])


def count(
    pools: Iterable[Pool],
    *,
    waiting: Mapping[Scope, Iterable[Job]],
    running: Mapping[Scope, Iterable[Job]],
    places: Mapping[int, Place],
) -> dict[str, Count]:
    """The jobs of each pool, by its key; `waiting` and `running` hold those of each scope, `places` our runners by id.

    A waiting job counts once: for the pool with the fewest labels that offers all of its own and may still have a
    runner for it; of those with as few, first for one whose runners are there whatever waits. Where only stuck pools
    have room, for one of these; where none has, for the first that could take it and is scaled. Were it counted for
    every one of them, each would be scaled up for the same job. One that has begun meanwhile counts as running. A
    running job counts for the pool of its runner's pod; on a runner that is none of ours it is not ours either.
    """
    ordered = _ordered(pools)
    counted = {pool.key: Count() for pool in ordered}
    asked = {pool.key: pool.stuck.asked for pool in ordered if pool.stuck is not None}
    for scope in dict.fromkeys((*running, *waiting)):
        takers = Takers([pool for pool in ordered if pool.scope == scope])
        seen = set()  # a list that moves while it is read may name a job twice
        for job in running.get(scope, ()):
            if job.id in seen:
                continue
            seen.add(job.id)
            place = places.get(job.runner_id) if job.runner_id is not None else Place(pool=takers.first(job))
            if place is not None and place.pool in counted:
                counted[place.pool].running += 1
                counted[place.pool].leaving += place.leaving
        rooms = _rooms(ordered, counted)
        for job in waiting.get(scope, ()):
            key = takers.take(job, rooms) if job.id not in seen else NOBODY
            seen.add(job.id)
            if key in counted:
                counted[key].wait(job)
                for passed in takewhile(key.__ne__, takers.of(job) if asked else ()):
                    counted[passed].asked = asked.get(passed, 0)
    return counted


def _rooms(pools: Sequence[Pool], counted: Mapping[str, Count]) -> tuple[dict[str, int], dict[str, int]]:
    """For how many more runners each pool has room by its key, now, and if those that are stuck were not; without an
    entry for any number.
    """
    meant = {pool.key: pool.most - counted[pool.key].wanted for pool in pools if pool.most is not None}
    stuck = {pool.key: pool.stuck.runners - counted[pool.key].wanted for pool in pools if pool.stuck is not None}
    return {**meant, **{key: min(free, meant.get(key, free)) for key, free in stuck.items()}}, meant


def _ordered(pools: Iterable[Pool]) -> list[Pool]:
    """The plainest first, that special ones stay free for who needs them."""
    return sorted(pools, key=lambda pool: (len(pool.labels), not pool.is_fixed, pool.key))


def untaken(pools: Iterable[Pool], scope: Scope, waiting: Iterable[Job]) -> list[Job]:
    """The jobs of a scope that no pool can take, however long they wait."""
    takers = Takers([pool for pool in pools if pool.scope == scope])
    return [job for job in waiting if not takers.first(job)]


def left_to(keys: Collection[str], pools: Iterable[Pool], waiting: Iterable[Job]) -> dict[str, list[Job]]:
    """Jobs of one scope that no other pools than these can take, by the key of the first that could.

    One that may have no runner at all (`replicas: 0`) takes none.
    """
    takers = Takers(_ordered(pool for pool in pools if pool.most != 0 or pool.key in keys))
    jobs: dict[str, list[Job]] = {}
    for job in waiting:
        able = takers.of(job)
        if able and all(key in keys for key in able):
            jobs.setdefault(takers.first(job), []).append(job)
    return jobs


class Takers:
    """Who can take a job; the same answer for all jobs that are alike, of which there may be thousands."""

    def __init__(self, ordered: Iterable[Pool]) -> None:
        self._pools = [(pool, compared(pool.labels, pool.forge)) for pool in ordered]
        self._fixed = {pool.key for pool, _ in self._pools if pool.is_fixed}
        self._known: dict[tuple[frozenset[str], frozenset[str | None] | None], tuple[str, ...]] = {}

    def first(self, job: Job) -> str:
        """The first of those, and rather one that may come to have more runners; NOBODY without any."""
        takers = self.of(job)
        return next((key for key in takers if key not in self._fixed), takers[0] if takers else NOBODY)

    def take(self, job: Job, rooms: tuple[dict[str, int], ...]) -> str:
        """The first of those that has room in the first of `rooms` where one has, and less of it then; else `first`."""
        having = (key for room in rooms for key in self.of(job) if room.get(key, 1) > 0)
        key = next(having, "") or self.first(job)
        for room in rooms:
            if key in room:
                room[key] -= 1
        return key

    def of(self, job: Job) -> tuple[str, ...]:
        """The keys of the pools that could take it, in the order in which they were given."""
        alike = (job.labels, job.groups)
        if alike not in self._known:
            wanted = {forge: compared(job.labels, forge) for forge in {pool.forge for pool, _ in self._pools}}
            self._known[alike] = tuple(
                pool.key
                for pool, offered in self._pools
                if wanted[pool.forge] <= offered and (job.groups is None or pool.group in job.groups)
            )
        return self._known[alike]
