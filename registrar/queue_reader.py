"""Answers `/queue`: asks the forge for what waits and works, at most every few seconds."""

import time
from collections.abc import Callable, Iterable

from registrar.forges.forge import Forge, Job
from registrar.pod_store import PodStore
from registrar.queue import Pool, count
from registrar.settings import Settings
from values.scope import Scope

KEEP_SECONDS = 2.0


class QueueReader:
    """Remembers the pools whose pods it has seen: one scaled to zero has none, and its jobs must still be counted."""

    def __init__(
        self, settings: Settings, forge: Forge, store: PodStore, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings, self._forge, self._store, self._clock = settings, forge, store, clock
        self._pools: dict[str, Pool] = {}
        self._jobs: dict[Scope, tuple[float, tuple[Job, ...], tuple[Job, ...]]] = {}

    async def read(self, asked: Iterable[tuple[str, str, frozenset[str]]] = ()) -> dict[str, dict[str, int]]:
        """Counts per pool. `asked`: (namespace, pool, labels) that the caller knows although no pod was seen yet.

        Raises ForgeError.
        """
        self._remember()
        for namespace, name, labels in asked:
            self._add(namespace, name, labels)
        scopes = {pool.scope for pool in self._pools.values()}
        jobs = {scope: await self._jobs_of(scope) for scope in sorted(scopes)}
        runners = {
            pod.runner_id: f"{pod.namespace}/{pod.pool}" for pod in self._store.pods() if pod.runner_id is not None
        }
        return count(
            self._pools.values(),
            waiting={scope: waiting for scope, (waiting, _) in jobs.items()},
            running={scope: running for scope, (_, running) in jobs.items()},
            pool_of_runner=runners,
        )

    def _remember(self) -> None:
        for pod in self._store.pods():
            self._add(pod.namespace, pod.pool, frozenset(pod.runner_labels))

    def _add(self, namespace: str, name: str, labels: frozenset[str]) -> None:
        grant = self._settings.grant_for(namespace)
        if grant is not None and labels:
            pool = Pool(namespace=namespace, name=name, scope=grant.scope, labels=labels)
            self._pools[pool.key] = pool

    async def _jobs_of(self, scope: Scope) -> tuple[tuple[Job, ...], tuple[Job, ...]]:
        at, waiting, running = self._jobs.get(scope, (float("-inf"), (), ()))
        if self._clock() - at >= KEEP_SECONDS:
            waiting, running = await self._forge.queued(scope), await self._forge.jobs_in_progress(scope)
            self._jobs[scope] = (self._clock(), waiting, running)
        return waiting, running
