"""Answers `/queue`: the declared pools of the granted namespaces, and the jobs that each of them has to do."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from registrar.declared_pools import DeclaredPools
from registrar.forges.forge import Forge, ForgeError
from registrar.job_watch import JobWatch, Snapshot
from registrar.pod_store import PodStore
from registrar.queue import Count, Place, Pool, count
from registrar.settings import Settings
from values.grant import Grant
from values.scope import Scope


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


class QueueReader:
    """Counts once for each snapshot of a scope, whoever asks and however often."""

    def __init__(self, settings: Settings, forge: Forge, store: PodStore, declared: DeclaredPools) -> None:
        self._settings, self._store, self._declared = settings, store, declared
        self._watches = {scope: JobWatch(forge, scope) for scope in settings.scopes}
        self._counted: dict[Scope, _Counted] = {}

    async def run(self) -> None:
        """Read the queues of all scopes, for ever."""
        async with asyncio.TaskGroup() as tasks:
            for watch in self._watches.values():
                tasks.create_task(watch.run())

    async def read(self) -> dict[str, dict[str, int]]:
        """Counts of every declared pool, by `namespace/name`.

        Pools of a scope whose forge gives no answer are left out, and those of a namespace that could not be read.
        Raises ForgeError where no scope has an answer.
        """
        scopes = sorted({grant.scope for grant in self._settings.grants})
        answers = await asyncio.gather(*map(self._count, scopes), return_exceptions=True)
        counts: dict[str, dict[str, int]] = {}
        errors: list[ForgeError] = []
        for answer in answers:
            if isinstance(answer, ForgeError):
                errors.append(answer)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                counts.update({key: counted.document() for key, counted in answer.items()})
        if errors and len(errors) == len(scopes):
            raise errors[0]
        return counts

    async def read_pool(self, namespace: str, name: str) -> dict[str, int]:
        """One pool's. Raises PoolUnknownError, NamespaceUnknownError or ForgeError."""
        grant = self._settings.grant_for(namespace)
        if grant is None:
            raise PoolUnknownError(f"namespace {namespace} has no grant")
        # Not known is no zero: the autoscaler keeps what there is.
        if not self._declared.knows(namespace):
            raise NamespaceUnknownError(f"the Deployments of namespace {namespace} could not be read yet")
        if not self._store.has_known(namespace):
            raise NamespaceUnknownError(f"the pods of namespace {namespace} could not be read yet")
        counted = (await self._count(grant.scope)).get(f"{namespace}/{name}")
        if counted is None:
            what = f"a pool {name} with runner labels that its grant allows"
            raise PoolUnknownError(f"no Deployment in namespace {namespace} declares {what}")
        return counted.document()

    async def snapshot(self, scope: Scope) -> tuple[Snapshot, tuple[Pool, ...]]:
        """What waits and works in one scope, and the pools that are declared there. Raises ForgeError."""
        return await self._watches[scope].get(), tuple(self._pools(scope))

    async def _count(self, scope: Scope) -> dict[str, Count]:
        snapshot, version = await self._watches[scope].get(), self._declared.version
        known = self._counted.get(scope)
        if known is None or known.snapshot is not snapshot or known.version != version:
            counts = count(
                self._pools(scope),
                waiting={scope: snapshot.waiting},
                running={scope: snapshot.running},
                places=self._places(),
            )
            known = self._counted[scope] = _Counted(snapshot=snapshot, version=version, counts=counts)
        return known.counts

    def _pools(self, scope: Scope) -> Iterable[Pool]:
        for grant in self._settings.grants:
            if grant.scope == scope:
                yield from self._of(grant)

    def _of(self, grant: Grant) -> Iterable[Pool]:
        """Pools whose pods would be registered: with labels, and with none that the grant does not allow."""
        for pool in self._declared.pools(grant.namespace):
            if pool.labels and (grant.labels is None or pool.labels <= grant.labels):
                yield Pool(
                    namespace=grant.namespace, name=pool.name, scope=grant.scope, labels=pool.labels,
                    group=grant.runner_group, most=pool.most,
                )  # fmt: skip

    def _places(self) -> dict[int, Place]:
        """Where our runners are, of namespaces that cannot be read now as well."""
        return {
            pod.runner_id: Place(pool=f"{pod.namespace}/{pod.pool}", leaving=pod.deleting)
            for pod in self._store.last_seen()
            if pod.runner_id is not None
        }
