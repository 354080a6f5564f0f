"""A platform and its pools at one forge: which runners serve, and when all is as declared again."""

import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import httpx2

from lab.errors import LabError
from lab.trial import deadline
from lab.trial.kubernetes import Json, KubernetesApi
from lab.trial.pods import Pods, RunnerPod, summary
from lab.trial.repository import Registrations

SERVING_SECONDS = 180.0
QUIET_SECONDS = 180.0
IDLE_SECONDS = 90.0
ALIVE = ("Pending", "Running")

T = TypeVar("T")


@dataclass(kw_only=True)
class Place:
    """`declared`: pool → runners; `repository`: where they register; `system`: the registrar's namespace."""

    api: KubernetesApi
    pods: Pods
    repository: Registrations
    system: str
    declared: Mapping[str, int]

    def serving(self, pool: str) -> list[RunnerPod]:
        """The runners of a pool that work or wait for work: online, alive, and known at the forge."""
        known = {runner.name for runner in self.repository.runners() if runner.online}
        return [
            pod
            for pod in self.pods.of(pool)
            if pod.online and not pod.leaving and pod.phase == "Running" and pod.name in known
        ]

    def idle(self, pool: str) -> list[RunnerPod]:
        """Those of them that have no job."""
        return [pod for pod in self.serving(pool) if not pod.job]

    def idle_runner(self, pool: str) -> RunnerPod:
        """The oldest of them, as soon as there is one. Raises LabError."""
        return self.until(f"{pool} has an idle runner", lambda: self.idle(pool), IDLE_SECONDS)[0]

    def delete_idle(self, pool: str) -> str:
        """Deletes the pod of an idle runner; returns its name."""
        name = self.idle_runner(pool).name
        self.pods.delete(name)
        return name

    def until_serving(self, seconds: float = SERVING_SECONDS) -> float:
        """Waits until each pool has its runners; returns for how long."""
        started = time.monotonic()
        for pool, count in self.declared.items():
            self._until_pool(f"{pool} has its {count} runners", pool, partial(self._serves, pool, count), seconds)
        return time.monotonic() - started

    def until_idle(self, seconds: float = QUIET_SECONDS) -> None:
        """Waits until each pool has its runners and none of them a job; pods may still be leaving."""
        for pool, count in self.declared.items():
            self._until_pool(f"{pool} has {count} idle runners", pool, partial(self._is_idle, pool, count), seconds)

    def until_quiet(self, seconds: float = QUIET_SECONDS) -> None:
        """Waits until each pool has its runners, none of them with a job, and no other pod that lives."""
        for pool, count in self.declared.items():
            what = f"{pool} has {count} idle runners and no other pod"
            self._until_pool(what, pool, partial(self._is_quiet, pool, count), seconds)

    def _serves(self, pool: str, count: int) -> bool:
        return len(self.serving(pool)) >= count

    def _is_idle(self, pool: str, count: int) -> bool:
        return len(self.idle(pool)) >= count

    def _is_quiet(self, pool: str, count: int) -> bool:
        alive = [pod for pod in self.pods.of(pool) if pod.phase in ALIVE or pod.leaving]
        return len(alive) == count and len(self.idle(pool)) == count

    def _until_pool(self, what: str, pool: str, look: Callable[[], bool], seconds: float) -> None:
        self.until(what, look, seconds, seen=lambda: [summary(pod) for pod in self.pods.of(pool)])

    def until(
        self, what: str, look: Callable[[], T | None], seconds: float, seen: Callable[[], object] | None = None
    ) -> T:
        """As lab.trial.deadline, but where cluster or forge do not answer nothing is seen yet."""

        def calm() -> T | None:
            try:
                return look()
            except (httpx2.TransportError, LabError, subprocess.SubprocessError):
                return None

        return deadline.until(what, calm, seconds, seen)

    def registrar(self) -> Json:
        """The registrar's pod. Raises LabError unless there is exactly one that is not leaving."""
        path = f"/api/v1/namespaces/{self.system}/pods"
        pods = [pod for pod in self.api.items(path) if "deletionTimestamp" not in pod["metadata"]]
        if len(pods) != 1:
            raise LabError(f"{len(pods)} pods of the registrar in {self.system}")
        return pods[0]

    def strays(self) -> frozenset[int]:
        """The ids of registrations at the forge that no pod has: of pods that are gone, or made and never heard of."""
        had = {pod.runner_id for pod in self.pods.all()}
        return frozenset(runner.id for runner in self.repository.runners() if runner.id not in had)

    def events(self, *names: str) -> set[str]:
        """The reasons of the Events about pods."""
        return {reason for name in names for reason, _ in self.pods.events(name)}
