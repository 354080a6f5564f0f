"""Keeps the runner pods of every granted namespace, by list and watch. Knows when it does not know."""

import asyncio
import logging
from collections.abc import Iterable

from registrar import cluster
from registrar.cluster import Cluster
from registrar.logs import log
from registrar.pods import RunnerPod

# A watch may be dead without an error (a peer that vanished), so silence is answered with a fresh list.
SILENCE_SECONDS = 45.0
FIRST_RETRY_SECONDS = 0.2
LONGEST_RETRY_SECONDS = 5.0


class PodStore:
    """Pods by namespace. `changed` is set by every change; whoever waits for it clears it."""

    def __init__(self, api: Cluster, namespaces: Iterable[str]) -> None:
        self._api = api
        self._pods: dict[str, dict[tuple[str, str], RunnerPod]] = {name: {} for name in namespaces}
        self._synced: set[str] = set()
        self.changed = asyncio.Event()

    def pods(self) -> tuple[RunnerPod, ...]:
        """Every pod of the namespaces that are known now."""
        return tuple(pod for name in sorted(self._synced) for pod in self._pods[name].values())

    def get(self, namespace: str, name: str) -> RunnerPod | None:
        """One pod as last seen."""
        return self._pods.get(namespace, {}).get((namespace, name))

    def knows(self, namespace: str) -> bool:
        """Whether this namespace's pods are known now."""
        return namespace in self._synced

    def put(self, pod: RunnerPod) -> None:
        """Take in what the API server answered to a change of ours, before the watch tells."""
        known = self._pods[pod.namespace].get(pod.key)
        if known is not None and known.uid == pod.uid and known.version <= pod.version:
            self._pods[pod.namespace][pod.key] = pod

    async def refresh(self, namespace: str) -> bool:
        """List a namespace afresh. Returns whether that worked."""
        try:
            self._pods[namespace], _ = await self._api.list(namespace)
        except cluster.ERRORS as error:
            log("pods not listed", level=logging.WARNING, namespace=namespace, error=str(error))
            return False
        return True

    async def follow(self, namespace: str) -> None:
        """List and watch one namespace for ever, through restarts of the API server and expired versions."""
        failures = 0
        while True:
            try:
                self._pods[namespace], version = await self._api.list(namespace)
                self._synced.add(namespace)
                self.changed.set()
                failures = 0
                await self._watch(namespace, version)
            except TimeoutError:
                continue  # silence, see above
            except cluster.ERRORS as error:
                failures += 1
                self._synced.discard(namespace)
                log("watch interrupted", level=logging.WARNING, namespace=namespace, error=str(error))
                await asyncio.sleep(min(FIRST_RETRY_SECONDS * 2.0 ** min(failures, 10), LONGEST_RETRY_SECONDS))

    async def _watch(self, namespace: str, version: str) -> None:
        changes = self._api.watch(namespace, version)
        while True:
            async with asyncio.timeout(SILENCE_SECONDS):
                change, pod = await anext(changes)
            if change == "DELETED":
                self._pods[namespace].pop(pod.key, None)
            else:
                self._pods[namespace][pod.key] = pod
            self.changed.set()
