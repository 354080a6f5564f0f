"""Counts what a registrar writes about pods: every Event, and every renewal of one."""

import threading
import time
from typing import Final

import httpx2

from lab.errors import LabError
from lab.trial.kubernetes import Json, KubernetesApi
from registrar.cluster import COMPONENT

AGAIN_SECONDS: Final = 1.0


class Writings:
    """Watches a namespace from when it was made until the API is closed; what came meanwhile is read afterwards."""

    def __init__(self, api: KubernetesApi, namespace: str) -> None:
        self._api, self._path = api, f"/api/v1/namespaces/{namespace}/events"
        self._seen: set[tuple[str, str]] = set()
        self._pods: set[str] = set()
        self._over = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def close(self) -> None:
        """Nothing more is noted."""
        self._over.set()

    @property
    def count(self) -> int:
        """How often something was written."""
        return len(self._seen)

    @property
    def pods(self) -> int:
        """About how many pods."""
        return len(self._pods)

    def note(self, event: Json) -> None:
        """One of them; the same one again, as after a reconnection, counts once."""
        metadata = event["metadata"]
        self._seen.add((metadata["uid"], metadata["resourceVersion"]))
        if uid := event["involvedObject"].get("uid"):
            self._pods.add(uid)

    def _watch(self) -> None:
        while not self._over.is_set():
            try:
                for kind, event in self._api.watch(self._path, f"source={COMPONENT}"):
                    if self._over.is_set():
                        return
                    if kind in ("ADDED", "MODIFIED"):
                        self.note(event)
            except (LabError, httpx2.TransportError, httpx2.StreamError, ValueError, KeyError, RuntimeError):
                time.sleep(AGAIN_SECONDS)
