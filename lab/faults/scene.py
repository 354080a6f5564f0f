"""A platform of the suite's own with its pools: begins jobs on it, and says when it is as declared again."""

import itertools
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import httpx2

from lab import node
from lab.errors import LabError
from lab.faults.forge_door import ForgeDoor
from lab.faults.work import Work, script
from lab.trial import deadline
from lab.trial.kubernetes import Json, KubernetesApi
from lab.trial.ledger import Ledger
from lab.trial.pods import Pods, RunnerPod, summary
from lab.trial.repository import Repository
from lab.trial.stack import Stack
from lab.trial.workflow import push, several_jobs

SERVING_SECONDS = 90.0
QUIET_SECONDS = 120.0
UNHEARD_SECONDS = 8.0  # for the forge's word on a job whose runner is gone: it has none
ALIVE = ("Pending", "Running")

T = TypeVar("T")


@dataclass
class Scene:
    """What a fault acts on. `declared`: pool → runners; `works`: what was begun since the fault began."""

    api: KubernetesApi
    stack: Stack
    pods: Pods
    ledger: Ledger
    repository: Repository
    door: ForgeDoor
    system: str
    declared: Mapping[str, int]
    works: list[Work] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def begin(self, pool: str, seconds: float, count: int = 1, between: str = "") -> Work:
        """Pushes a run of so many silent jobs; returns when each has begun."""
        work = self.push(pool, seconds, count, between)
        work.begun()
        return work

    def push(self, pool: str, seconds: float, count: int = 1, between: str = "") -> Work:
        """Pushes a run of so many silent jobs, which wait for runners of the pool."""
        topic = f"faults-{next(self._numbers)}-{time.monotonic_ns() % 100_000}"
        names = tuple(f"job-{number}" for number in range(count))
        jobs = {name: (pool, script(topic, name, seconds, between)) for name in names}
        work = Work(push(self.repository, several_jobs(jobs)), topic, names, self.ledger)
        self.works.append(work)
        return work

    def conclude(self, work: Work, seconds: float) -> None:
        """Waits for the forge's word on each job of a run, and no longer than so many seconds."""
        work.concluded(seconds)

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

    def latched(self, work: Work, name: str = "job-0") -> RunnerPod:
        """The pod of a job, as soon as the registrar has noted that it works."""
        host = work.pod(name)

        def found() -> RunnerPod | None:
            pod = self.pods.find(host)
            return pod if pod and pod.job else None

        return self.until(f"the busy latch of {host} is set", found, 30)

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

    def kubectl(self, *arguments: str) -> str:
        """kubectl as the lab's administrator."""
        return node.kubectl(*arguments)
