"""Answers `/queue`: asks the forge for what waits and works, once for all who ask, at most every few seconds."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from registrar.forges.forge import Forge, ForgeError, Job
from registrar.pod_store import PodStore
from registrar.queue import Pool, count
from registrar.settings import Settings
from registrar.shared import Shared, answers_by_scope
from values.scope import Scope

KEEP_SECONDS = 2.0
SCOPE_SECONDS = 20.0  # that an answer waits for one scope
OTHERS_SECONDS = 1.0  # the same, where a pool of another scope was asked for; KEDA gives up after 3
POOL_SECONDS = 24 * 3600.0  # that a pool without pods is remembered
MOST_POOLS = 200  # of a namespace

Counts = dict[str, dict[str, int]]


@dataclass(frozen=True, kw_only=True)
class _Jobs:
    waiting: tuple[Job, ...]
    running: tuple[Job, ...]


class QueueReader:
    """Remembers the pools whose pods it has seen: one scaled to zero has none, and its jobs must still be counted.

    A pool that a caller merely names is counted in that caller's answer and nowhere else.
    """

    def __init__(
        self, settings: Settings, forge: Forge, store: PodStore, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings, self._store, self._clock = settings, store, clock
        self._pools: OrderedDict[str, tuple[float, Pool]] = OrderedDict()

        def ask(scope: Scope) -> Shared[_Jobs]:
            async def read() -> _Jobs:
                return _Jobs(waiting=await forge.queued(scope), running=await forge.jobs_in_progress(scope))

            return Shared(read, KEEP_SECONDS, clock=clock)

        self._jobs = {scope: ask(scope) for scope in settings.scopes}

    async def read(self, asked: tuple[str, str, frozenset[str]] | None = None) -> Counts:
        """Counts per pool. `asked`: (namespace, pool, labels) that the caller knows although no pod was seen yet.

        Pools of a scope whose forge gives no answer are left out. Raises ForgeError where that is all of them, or the
        one that was asked for.
        """
        known = self._known()
        mine = self._pool(*asked) if asked is not None else None
        pools = [*known, *([mine] if mine is not None and all(pool.key != mine.key for pool in known) else [])]
        jobs, errors = await self._read_jobs({pool.scope for pool in pools}, mine.scope if mine is not None else None)
        if errors and (not jobs or (mine is not None and mine.scope in errors)):
            raise errors[mine.scope if mine is not None and mine.scope in errors else next(iter(errors))]
        counted = self._count([pool for pool in known if pool.scope in jobs], jobs)
        if mine is not None and mine.key not in counted:
            counted[mine.key] = self._count([pool for pool in pools if pool.scope in jobs], jobs)[mine.key]
        return counted

    async def _read_jobs(
        self, scopes: Iterable[Scope], mine: Scope | None
    ) -> tuple[dict[Scope, _Jobs], dict[Scope, ForgeError]]:
        """Whoever asks about a pool waits for its scope, and hardly for those of others."""
        ordered = sorted(scopes)
        seconds = {scope: SCOPE_SECONDS if mine in (None, scope) else OTHERS_SECONDS for scope in ordered}
        return await answers_by_scope({scope: self._jobs[scope] for scope in ordered}, seconds=seconds)

    def _count(self, pools: Iterable[Pool], jobs: dict[Scope, _Jobs]) -> Counts:
        runners = {
            pod.runner_id: f"{pod.namespace}/{pod.pool}" for pod in self._store.pods() if pod.runner_id is not None
        }
        return count(
            pools,
            waiting={scope: known.waiting for scope, known in jobs.items()},
            running={scope: known.running for scope, known in jobs.items()},
            pool_of_runner=runners,
        )

    def _known(self) -> list[Pool]:
        now = self._clock()
        for pod in self._store.pods():
            pool = self._pool(pod.namespace, pod.pool, frozenset(pod.runner_labels))
            if pool is not None:
                self._pools[pool.key] = (now, pool)
                self._pools.move_to_end(pool.key)
        by_namespace: dict[str, int] = {}
        for key, (seen, pool) in reversed(list(self._pools.items())):
            by_namespace[pool.namespace] = by_namespace.get(pool.namespace, 0) + 1
            if now - seen > POOL_SECONDS or by_namespace[pool.namespace] > MOST_POOLS:
                del self._pools[key]
        return [pool for _, pool in self._pools.values()]

    def _pool(self, namespace: str, name: str, labels: frozenset[str]) -> Pool | None:
        grant = self._settings.grant_for(namespace)
        if grant is None or not labels:
            return None
        return Pool(namespace=namespace, name=name, scope=grant.scope, labels=labels)
