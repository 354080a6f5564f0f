"""Answers `/queue`: the declared pools of the granted namespaces, and the jobs that each of them has to do.

And `/unserved`: the jobs that none of them can take. And whose turn it is, where pools share what is left of the nodes.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from registrar import unserved
from registrar.brakes import Brakes
from registrar.declared_pool import DeclaredPool
from registrar.declared_pools import DeclaredPools
from registrar.demand import runners_wanted
from registrar.forges.forge import ForgeError
from registrar.job_watch import JobWatch, Snapshot
from registrar.logs import log
from registrar.metrics import Metrics
from registrar.pod_store import PodStore
from registrar.pods import ENDED, Stage
from registrar.queue import Count, Place, Pool, Stuck, count
from registrar.reservations import Reservation, Reservations, holding
from registrar.settings import Settings
from registrar.unserved import Unserved
from values.grant import Grant
from values.scope import Scope

ORDERS_SECONDS: Final = 60.0  # that the order of a queue which nobody reads any more is still believed


class PoolUnknownError(Exception):
    """No Deployment declares this pool."""


class NamespaceUnknownError(Exception):
    """The Deployments or the pods of a namespace could not be read yet: nothing can be said about its pools."""


@dataclass(frozen=True, kw_only=True)
class _Counted:
    """What was counted, of which snapshot and of which declarations."""

    snapshot: Snapshot
    version: int
    counts: dict[str, Count]
    working: frozenset[int]  # ids of runners that have a job


class QueueReader:
    """Counts once for each snapshot of a scope, whoever asks and however often."""

    def __init__(
        self,
        settings: Settings,
        watches: Mapping[Scope, JobWatch],
        store: PodStore,
        declared: DeclaredPools,
        metrics: Metrics,
        *,
        brakes: Brakes,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._store, self._declared, self._metrics = settings, store, declared, metrics
        self._brakes = brakes
        self._clock, self._reservations = clock, Reservations(clock=clock)
        self._unserved: dict[Scope, tuple[Unserved, ...]] = {}
        self._watches = watches
        self._counted: dict[Scope, _Counted] = {}
        self._asked_at: dict[Scope, float] = {}

    async def run(self) -> None:
        """Read the queues of all scopes, for ever."""
        async with asyncio.TaskGroup() as tasks:
            for watch in self._watches.values():
                tasks.create_task(watch.run())

    async def read(self) -> dict[str, dict[str, Any]]:
        """Counts of every declared pool, by `namespace/name`.

        Pools of a scope whose forge gives no answer are left out, and those of a namespace that could not be read.
        Raises ForgeError where no scope has an answer.
        """
        answers = await self._count_all()
        pools, held = self._declared_by_key(), self._held()
        return {
            key: self._document(pools.get(key), counted, key, held) for counted in answers for key in counted.counts
        }

    async def read_pool(self, namespace: str, name: str) -> dict[str, Any]:
        """One pool's. Raises PoolUnknownError, NamespaceUnknownError or ForgeError."""
        grant = self._settings.grant_for(namespace)
        if grant is None:
            raise PoolUnknownError(f"namespace {namespace} has no grant")
        # Not known is no zero: the autoscaler keeps what there is.
        if not self._declared.knows(namespace):
            raise NamespaceUnknownError(f"the Deployments of namespace {namespace} could not be read yet")
        if not self._store.has_known(namespace):
            raise NamespaceUnknownError(f"the pods of namespace {namespace} could not be read yet")
        counted, key = await self._count(grant.scope), f"{namespace}/{name}"
        if key not in counted.counts:
            what = f"a pool {name} with runner labels that its grant allows"
            raise PoolUnknownError(f"no Deployment in namespace {namespace} declares {what}")
        return self._document(self._declared_by_key().get(key), counted, key, self._held())

    async def snapshot(self, scope: Scope) -> tuple[Snapshot, tuple[Pool, ...]]:
        """What waits and works in one scope, and the pools that are declared there. Raises ForgeError."""
        return await self._watches[scope].get(), tuple(self._pools(scope))

    async def read_unserved(self) -> tuple[Unserved, ...]:
        """The jobs of all scopes that no pool can take. Raises ForgeError where no scope has an answer."""
        await self._count_all()
        return tuple(entry for scope in sorted(self._unserved) for entry in self._unserved[scope])

    def reservation_against(self, namespace: str, name: str) -> Reservation | None:
        """For whose runner the next devices are kept, where it is not this pool's turn, as of what is known now."""
        key = f"{namespace}/{name}"
        pool = self._declared_by_key().get(key)
        return None if pool is None else holding(pool, self._orders().get(key), self._held())

    async def _count_all(self) -> list[_Counted]:
        """Of all scopes that have an answer. Raises ForgeError where none has."""
        scopes = sorted({grant.scope for grant in self._settings.grants})
        answers = await asyncio.gather(*map(self._count, scopes), return_exceptions=True)
        errors = [answer for answer in answers if isinstance(answer, BaseException)]
        for error in errors:
            if not isinstance(error, ForgeError):
                raise error
        if errors and len(errors) == len(scopes):
            raise errors[0]
        return [answer for answer in answers if isinstance(answer, _Counted)]

    async def _count(self, scope: Scope) -> _Counted:
        snapshot, version = await self._watches[scope].get(), self._declared.version
        self._asked_at[scope] = self._clock()
        known = self._counted.get(scope)
        if known is None or known.snapshot is not snapshot or known.version != version:
            pools = list(self._pools(scope))
            counts = count(
                pools, waiting={scope: snapshot.waiting}, running={scope: snapshot.running}, places=self._places()
            )
            working = frozenset(job.runner_id for job in snapshot.running if job.runner_id is not None)
            known = _Counted(snapshot=snapshot, version=version, counts=counts, working=working)
            self._counted[scope] = known
            self._tell_unserved(scope, pools, snapshot)
        return known

    def _tell_unserved(self, scope: Scope, pools: list[Pool], snapshot: Snapshot) -> None:
        entries = (
            *unserved.without_pool(scope, pools, snapshot.waiting),
            *unserved.without_node(pools, snapshot.waiting, self._store.by_pool()),
        )
        before = {(entry.reason, entry.labels) for entry in self._unserved.get(scope, ())}
        for entry in entries:
            if (entry.reason, entry.labels) not in before:
                log("jobs wait that no pool can take", level=logging.WARNING, **entry.document())
        for reason in unserved.REASONS:
            number = sum(entry.number for entry in entries if entry.reason == reason)
            self._metrics.unserved.labels(scope.path, reason).set(number)
        self._unserved[scope] = entries

    def _document(
        self, pool: DeclaredPool | None, counted: _Counted, key: str, held: tuple[Reservation, ...]
    ) -> dict[str, Any]:
        """As `/queue` tells it; `after` is the pool whose job came first where this one has to wait for devices."""
        counts = counted.counts[key]
        reservation = None if pool is None else holding(pool, counts.first, held)
        wanted = runners_wanted(
            counts,
            self._store.by_pool().get(key, ()),
            working=counted.working,
            idle_seconds=None if pool is None else pool.idle_seconds,
            now=self._clock(),
            reserved=reservation is not None,
        )
        document: dict[str, Any] = {"waiting": counts.waiting, "running": counts.running, "wanted": wanted}
        return document if reservation is None else {**document, "after": reservation.pool.key}

    def _held(self) -> tuple[Reservation, ...]:
        return self._reservations.find(self._declared_by_key(), self._store.by_pool(), self._orders())

    def _orders(self) -> dict[str, int | None]:
        """Of what an autoscaler has asked for lately: what nobody follows any more holds nobody back."""
        since = self._clock() - ORDERS_SECONDS
        counts = (counted.counts for scope, counted in self._counted.items() if self._asked_at[scope] >= since)
        return {key: count.first for counted in counts for key, count in counted.items()}

    def _declared_by_key(self) -> dict[str, DeclaredPool]:
        grants = self._settings.grants
        return {pool.key: pool for grant in grants for pool in self._declared.pools(grant.namespace)}

    def _pools(self, scope: Scope) -> Iterable[Pool]:
        for grant in self._settings.grants:
            if grant.scope == scope:
                yield from self._of(grant)

    def _of(self, grant: Grant) -> Iterable[Pool]:
        """Pools whose pods would be registered: with labels, and with none that the grant does not allow."""
        for pool in self._declared.pools(grant.namespace):
            if pool.labels and (grant.labels is None or pool.labels <= grant.labels):
                yield Pool(
                    namespace=grant.namespace, name=pool.name, scope=grant.scope, forge=self._settings.forge.kind,
                    labels=pool.labels, group=grant.runner_group, most=pool.most, is_fixed=pool.is_fixed,
                    stuck=self._stuck(pool),
                )  # fmt: skip

    def _stuck(self, pool: DeclaredPool) -> Stuck | None:
        """Its failures are remembered, and one runner at work is a try; that it is refused is seen by one pod more."""
        pods = self._store.by_pool().get(pool.key, ())
        staying = [pod for pod in pods if pod.stays]
        if self._brakes.keeps_failing(pool.namespace, pool.name, pods):
            return Stuck(runners=sum(pod.stage is Stage.RUNNING for pod in staying), asked=1)
        if pool.is_refused or any(pod.hopeless for pod in staying):
            placed = sum(not pod.hopeless for pod in staying)
            return Stuck(runners=placed, asked=placed + 1)
        return None

    def _places(self) -> dict[int, Place]:
        """Where our runners are, of namespaces that cannot be read now as well."""
        return {
            pod.runner_id: Place(pool=f"{pod.namespace}/{pod.pool}", leaving=pod.deleting or pod.stage in ENDED)
            for pod in self._store.last_seen()
            if pod.runner_id is not None
        }
