"""Keeps the runner pods of every granted namespace, by list and watch. Knows when it does not know."""

import asyncio
import logging
from collections.abc import Collection, Iterable

from registrar import cluster
from registrar.cluster import Cluster
from registrar.logs import LOGGER, log
from registrar.pods import RunnerPod

# A watch may be dead without an error (a peer that vanished), so silence is answered with a fresh list.
SILENCE_SECONDS = 45.0
FIRST_RETRY_SECONDS = 0.2
LONGEST_RETRY_SECONDS = 5.0


class PodStore:
    """Pods by namespace. Whoever subscribes to namespaces is woken by every change in them."""

    def __init__(self, api: Cluster, namespaces: Iterable[str], *, silence_seconds: float = SILENCE_SECONDS) -> None:
        self._api, self._silence_seconds = api, silence_seconds
        self._pods: dict[str, dict[tuple[str, str], RunnerPod]] = {name: {} for name in namespaces}
        self._synced: set[str] = set()
        self._subscriptions: list[tuple[frozenset[str], asyncio.Event]] = []

    def subscribe(self, namespaces: Iterable[str]) -> asyncio.Event:
        """An event that is set by every change in these namespaces; whoever waits for it clears it."""
        event = asyncio.Event()
        self._subscriptions.append((frozenset(namespaces), event))
        return event

    def pods(self, namespaces: Collection[str] | None = None) -> tuple[RunnerPod, ...]:
        """Every pod of the namespaces (all of them by default) that are known now."""
        names = sorted(self._synced if namespaces is None else self._synced & set(namespaces))
        return tuple(pod for name in names for pod in self._pods[name].values())

    def last_seen(self) -> tuple[RunnerPod, ...]:
        """Every pod as it was seen last, also in namespaces that cannot be read now: whom nobody may forget."""
        return tuple(pod for pods in self._pods.values() for pod in pods.values())

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
        """List and watch one namespace for ever, through restarts of the API server and expired versions.

        Nothing that is in a namespace ends the watch over it, and so over the others.
        """
        failures = 0
        while True:
            try:
                self._pods[namespace], version = await self._api.list(namespace)
                self._synced.add(namespace)
                self._wake(namespace)
                failures = 0
                await self._watch(namespace, version)
            except TimeoutError:
                log("watch silent", namespace=namespace, seconds=self._silence_seconds)
            except Exception as error:
                failures += 1
                self._synced.discard(namespace)
                expected = isinstance(error, cluster.ERRORS)
                log("watch interrupted", level=logging.WARNING, namespace=namespace, error=str(error))
                if not expected:
                    LOGGER.exception("watch failed")
                await asyncio.sleep(min(FIRST_RETRY_SECONDS * 2.0 ** min(failures, 10), LONGEST_RETRY_SECONDS))

    async def _watch(self, namespace: str, version: str) -> None:
        changes = self._api.watch(namespace, version)
        while True:
            async with asyncio.timeout(self._silence_seconds):
                change, pod = await anext(changes)
            if change == "DELETED":
                self._pods[namespace].pop(pod.key, None)
            else:
                self._pods[namespace][pod.key] = pod
            self._wake(namespace)

    def _wake(self, namespace: str) -> None:
        for namespaces, event in self._subscriptions:
            if namespace in namespaces:
                event.set()
