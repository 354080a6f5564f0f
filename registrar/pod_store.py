"""Keeps the runner pods of every granted namespace, by list and watch. Knows when it does not know."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping

from registrar import cluster
from registrar.beginnings import begun
from registrar.cluster import Cluster
from registrar.following import SILENCE_SECONDS, follow
from registrar.logs import log
from registrar.pods import RunnerPod
from registrar.untrusted import identifier_or_none

MOST_DEPARTED = 1000  # pods that are gone and that nobody has taken notice of yet


class PodStore:
    """Pods by namespace. Whoever subscribes to namespaces is woken by every change in them."""

    def __init__(
        self,
        api: Cluster,
        namespaces: Iterable[str],
        *,
        silence_seconds: float = SILENCE_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._api, self._silence_seconds, self._clock = api, silence_seconds, clock
        self._pods: dict[str, dict[tuple[str, str], RunnerPod]] = {name: {} for name in namespaces}
        self._known_at: dict[str, float] = {}  # by namespace: when its pods were as they are known here
        self._told: dict[str, int] = {}  # by namespace: the version up to which everything is known
        self._synced: set[str] = set()
        self._listed: set[str] = set()
        self._subscriptions: list[tuple[frozenset[str], asyncio.Event]] = []
        self._sorted: dict[str, tuple[RunnerPod, ...]] | None = None
        self._departed: deque[RunnerPod] = deque(maxlen=MOST_DEPARTED)

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

    def take_departed(self, namespaces: Collection[str]) -> tuple[RunnerPod, ...]:
        """The pods of these namespaces that are gone since this was asked last, each as it was in the end."""
        taken = tuple(pod for pod in self._departed if pod.namespace in namespaces)
        if taken:
            rest = [pod for pod in self._departed if pod.namespace not in namespaces]
            self._departed = deque(rest, maxlen=MOST_DEPARTED)
        return taken

    def by_pool(self) -> Mapping[str, tuple[RunnerPod, ...]]:
        """The same by `namespace/pool`."""
        if self._sorted is None:
            pods: dict[str, list[RunnerPod]] = {}
            for pod in self.last_seen():
                pods.setdefault("/".join(pod.pool_key), []).append(pod)
            self._sorted = {key: tuple(members) for key, members in pods.items()}
        return self._sorted

    def get(self, namespace: str, name: str) -> RunnerPod | None:
        """One pod as last seen."""
        return self._pods.get(namespace, {}).get((namespace, name))

    def knows(self, namespace: str) -> bool:
        """Whether this namespace's pods are known now."""
        return namespace in self._synced

    def has_known(self, namespace: str) -> bool:
        """Whether this namespace's pods have ever been listed."""
        return namespace in self._listed

    def put(self, pod: RunnerPod) -> None:
        """Take in what the API server answered to a change of ours, before the watch tells."""
        known = self._pods[pod.namespace].get(pod.key)
        if known is not None and known.uid == pod.uid and known.version <= pod.version:
            self._pods[pod.namespace][pod.key] = self._begun(pod, known)
            self._sorted = None

    async def refresh(self, namespace: str) -> bool:
        """Take in what a list tells and the watch has not told yet; who is gone, and how, is left to the watch.

        Returns whether every pod that was there when this was asked is known now.
        """
        try:
            listed, version = await self._api.list(namespace)
        except cluster.ERRORS as error:
            log("pods not listed", level=logging.WARNING, namespace=namespace, error=str(error))
            return False
        if _number(version) < self._told.get(namespace, 0):
            return self.knows(namespace)  # the answer was on its way for so long that the watch has told more
        known_at = self._known_at.get(namespace, self._clock())
        for pod in listed.values():
            known = self._pods[namespace].get(pod.key)
            if known is None or (known.uid == pod.uid and known.version < pod.version):
                self._pods[namespace][pod.key] = begun(pod, known, now=self._clock(), known_at=known_at)
        self._sorted = None
        return True

    async def follow(self, namespace: str) -> None:
        """List and watch one namespace for ever. Nothing that is in one ends the watch over it, and so over others."""

        async def list_all() -> str:
            listed, version = await self._api.list(namespace)
            self._put_all(namespace, listed)
            self._told[namespace] = _number(version)
            self._synced.add(namespace)
            self._listed.add(namespace)
            self._wake(namespace)
            return version

        await follow(
            "pods",
            namespace,
            list_all=list_all,
            watch=lambda version: self._watch(namespace, version),
            lost=lambda: self._synced.discard(namespace),
        )

    async def _watch(self, namespace: str, version: str) -> None:
        """Raises TimeoutError where two watches in a row say nothing: one that is dead is made up for by the next one.

        Where little happens most silences are just that, and a list of hundreds of pods is megabytes.
        """
        changes, was_silent = self._api.watch(namespace, version), False
        while True:
            try:
                async with asyncio.timeout(self._silence_seconds):
                    change, pod = await anext(changes)
            except TimeoutError:
                if was_silent:
                    raise
                changes, was_silent = self._api.watch(namespace, version), True
                continue
            version, was_silent = str(pod.version), False
            self._hear(namespace, change, pod)
            self._told[namespace] = pod.version
            self._known_at[namespace] = self._clock()
            self._wake(namespace)

    def _hear(self, namespace: str, change: str, pod: RunnerPod) -> None:
        known = self._pods[namespace].get(pod.key)
        if change == "DELETED":
            if known is not None and known.uid == pod.uid:
                del self._pods[namespace][pod.key]
                self._departed.append(self._begun(pod, known))
        elif known is None or known.uid != pod.uid or known.version <= pod.version:
            self._pods[namespace][pod.key] = self._begun(pod, known)  # else an answer to a change of ours told more

    def _begun(self, pod: RunnerPod, known: RunnerPod | None) -> RunnerPod:
        """One that was told the moment it changed."""
        now = self._clock()
        return begun(pod, known, now=now, known_at=now)

    def _put_all(self, namespace: str, listed: dict[tuple[str, str], RunnerPod]) -> None:
        """Take in a whole list. How a pod that left meanwhile ended is not known: one that was leaving may have."""
        there = {pod.uid for pod in listed.values()}
        gone = (pod for pod in self._pods[namespace].values() if pod.uid not in there)
        self._departed.extend(pod for pod in gone if not pod.deleting)
        before, now = self._pods[namespace], self._clock()
        # Since when they are as they are is not known, but until when they were as we knew them is.
        known_at = self._known_at.get(namespace, now)
        self._pods[namespace] = {
            key: begun(pod, before.get(key), now=now, known_at=known_at) for key, pod in listed.items()
        }
        self._known_at[namespace] = now

    def _wake(self, namespace: str) -> None:
        self._sorted = None
        for namespaces, event in self._subscriptions:
            if namespace in namespaces:
                event.set()


def _number(version: str) -> int:
    """A list's resource version, comparable with its pods' (as Kubernetes has it since 1.35, and etcd ever since)."""
    return identifier_or_none(version) or 0
