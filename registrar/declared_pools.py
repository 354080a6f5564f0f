"""DeclaredPools: the pools of the granted namespaces, as their Deployments declare them. Only what is there counts.

A pool at zero has no pods, so pods tell nothing about it; one that was renamed is gone with its Deployment.
"""

import asyncio
from collections.abc import Iterable
from typing import Final

from registrar.cluster import Cluster
from registrar.declared_pool import DeclaredPool
from registrar.following import SILENCE_SECONDS, follow

MOST_POOLS: Final = 500  # of a namespace; a quota on Deployments is the cluster's to set


class DeclaredPools:
    """Declared pools by namespace. What is known of a namespace stays known while its API server is away."""

    def __init__(self, api: Cluster, namespaces: Iterable[str], *, silence_seconds: float = SILENCE_SECONDS) -> None:
        self._api, self._silence_seconds = api, silence_seconds
        self._declared: dict[str, dict[str, DeclaredPool] | None] = dict.fromkeys(namespaces)
        self.version = 0  # another number where a pool may have changed

    def knows(self, namespace: str) -> bool:
        """Whether this namespace's pools have been listed."""
        return self._declared.get(namespace) is not None

    def pools(self, namespace: str) -> tuple[DeclaredPool, ...]:
        """The pools of a namespace, each name once."""
        declared = self._declared.get(namespace) or {}
        pools = {declared[name].name: declared[name] for name in sorted(declared, reverse=True)[-MOST_POOLS:]}
        return tuple(pool for pool in pools.values() if pool.name)

    def keys(self) -> set[tuple[str, str]]:
        """Namespace and name of every pool that was declared when its namespace was read last."""
        namespaces = (declared.values() for declared in self._declared.values() if declared is not None)
        return {(pool.namespace, pool.name) for pools in namespaces for pool in pools}

    async def follow(self, namespace: str) -> None:
        """List and watch one namespace for ever."""

        async def list_all() -> str:
            self._declared[namespace], version = await self._api.list_declared(namespace)
            self.version += 1
            return version

        await follow(
            "deployments",
            namespace,
            list_all=list_all,
            watch=lambda version: self._watch(namespace, version),
            lost=lambda: None,
        )

    async def _watch(self, namespace: str, version: str) -> None:
        changes = self._api.watch_declared(namespace, version)
        declared = self._declared[namespace]
        assert declared is not None  # noqa: S101 - a namespace is listed before it is watched
        while True:
            async with asyncio.timeout(self._silence_seconds):
                change, pool = await anext(changes)
            if change == "DELETED":
                declared.pop(pool.deployment, None)
            else:
                declared[pool.deployment] = pool
            self.version += 1
