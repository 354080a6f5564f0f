"""Pools that share nodes, second by second: the registrar's own rules between a model of Kubernetes and of a forge.

Real are `count`, `runners_wanted` and the reservations. Modelled, by Kubernetes' own rules as they are documented: the
scheduler (priority, then the last try; nothing kept free for a pod of equal priority; preemption with grace; the
next try after at most ten seconds), the ReplicaSet (an ended pod is replaced at once; the order of deletion), KEDA (0
and 1, every 2 s), the HorizontalPodAutoscaler (every 15 s), a ResourceQuota, and a forge that gives the oldest job that
fits to whoever asks.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from registrar.declared_pool import DeclaredPool, Devices
from registrar.demand import runners_wanted
from registrar.forges.forge import Job
from registrar.pods import RunnerPod, Stage
from registrar.queue import Count, Place, Pool, count
from registrar.reservations import Reservations, holding
from tests.registrar.test_brake import ended_pod
from values.scope import GITEA, Scope

GPU: Final = "nvidia.com/gpu"
SCOPE: Final = Scope("mlops/guide")
HPA_SECONDS, KEDA_SECONDS, START_SECONDS, CORDON_SECONDS, RETRY_SECONDS = 15, 2, 2, 3, 3
LONGEST_BACK_OFF_SECONDS: Final = 10
DELETION_COST: Final = 1000


@dataclass(kw_only=True)
class SimulatedPool:
    """A pool, its ReplicaSet and who scales it. `most` is the maximum at a time."""

    name: str
    gpus: int
    most: Callable[[int], int]
    least: int = 0
    idle_seconds: int = 60
    priority: int = 0
    quota: int | None = None  # GPUs of its namespace
    replicas: int = 0
    changes: list[tuple[int, int]] = field(default_factory=list)  # (second, replicas) of each change

    @property
    def key(self) -> str:
        return f"{self.name}/{self.name}"

    @property
    def declared(self) -> DeclaredPool:
        devices = Devices(resource=GPU, count=self.gpus, priority_class=f"p{self.priority}" if self.priority else "")
        return DeclaredPool(
            namespace=self.name, deployment=self.name, name=self.name, labels=frozenset({self.name}),
            least=self.least, idle_seconds=self.idle_seconds, devices=devices,
        )  # fmt: skip


@dataclass(kw_only=True, eq=False)
class SimulatedJob:
    """`begun` and `ended` are seconds; `starts` counts how often it was given to a runner."""

    number: int
    pool: SimulatedPool
    queued: int
    seconds: int
    begun: int | None = None
    ended: int | None = None
    starts: int = 0


@dataclass(kw_only=True, eq=False)
class SimulatedPod:
    """A runner's pod and its runner."""

    name: str
    pool: SimulatedPool
    created: int
    node: int | None = None
    refused: bool = False  # the scheduler has looked at it and found no room
    tried: int = 0
    tries: int = 0
    placed: int = 0
    online: int | None = None
    asked: int = 0
    job: SimulatedJob | None = None
    deleted: int | None = None
    gone: bool = False

    def seen(self, number: int) -> RunnerPod:
        """As the registrar sees it."""
        stage, since = Stage.SCHEDULING, self.created
        if self.deleted is not None:
            stage, since = Stage.TERMINATING, self.deleted
        elif self.online is not None:
            stage, since = Stage.RUNNING, self.online
        elif self.node is not None:
            stage, since = Stage.INITIALIZING, self.placed
        return replace(
            _POD, name=self.name, uid=self.name, namespace=self.pool.name, pool=self.pool.name, stage=stage,
            since=float(since), created=float(self.created), deleting=self.deleted is not None,
            busy=str(self.job.number) if self.job else None, runner_id=number,
            short_of=(GPU,) if stage is Stage.SCHEDULING and self.refused else (),
        )  # fmt: skip


_POD: Final = replace(ended_pod("a", at=1), ended=None)


class SharedNodes:
    """A cluster, its forge and its registrar. `order` False: as if the registrar kept no order."""

    def __init__(self, nodes: Sequence[int], pools: Sequence[SimulatedPool], *, seed: int, order: bool = True) -> None:
        self.free, self.size = list(nodes), list(nodes)
        self.pools, self.order = list(pools), order
        self.random = random.Random(seed)  # noqa: S311 - a simulation
        self.jobs: list[SimulatedJob] = []
        self.pods: list[SimulatedPod] = []
        self.now = 0
        self.most_held: Counter[str] = Counter()  # GPUs of pods that exist at a time, by pool
        self.busy_deletions = 0  # busy pods that a ReplicaSet chose although an idle one was there
        self._nominated: dict[int, SimulatedPod] = {}
        self._numbers: Iterator[int] = iter(range(1, 10**9))
        self._wanted: dict[str, int] = {}
        self._held: dict[str, bool] = {}
        self._reservations = Reservations(clock=lambda: float(self.now))

    def queue(self, pool: SimulatedPool, seconds: int) -> None:
        """A job comes."""
        self.jobs.append(SimulatedJob(number=len(self.jobs) + 1, pool=pool, queued=self.now, seconds=seconds))

    def run(self, seconds: int, arrivals: Callable[[int], None] = lambda _: None) -> None:
        """So many seconds; `arrivals` is called in each of them."""
        for _ in range(seconds):
            self.now += 1
            arrivals(self.now)
            self._end_jobs()
            self._leave()
            self._scale()
            self._replace()
            self._schedule()
            self._start()
            self._give_jobs()
            self._watch()
            for pool in self.pools:
                self.most_held[pool.name] = max(self.most_held[pool.name], self._held_gpus(pool))

    def run_out(self, most_seconds: int) -> None:
        """Until every job has ended and every pool has as many runners as it keeps."""
        for _ in range(most_seconds):
            self.run(1)
            if all(job.ended for job in self.jobs) and all(pool.replicas == pool.least for pool in self.pools):
                return

    # --- the forge and the runners

    def _end_jobs(self) -> None:
        for pod in self.pods:
            job = pod.job
            if job is not None and job.begun is not None and self.now - job.begun >= job.seconds:
                job.ended = self.now
                self._free(pod)

    def _give_jobs(self) -> None:
        """Idle runners ask in any order; each gets the oldest job that fits. One that leaves may still get one."""
        idle = [
            pod for pod in self.pods
            if pod.online is not None and pod.job is None and (pod.deleted is None or self.now - pod.deleted <= 1)
        ]  # fmt: skip
        self.random.shuffle(idle)
        waiting = [job for job in self.jobs if job.begun is None]
        for pod in idle:
            job = next((job for job in waiting if job.pool is pod.pool), None)
            if job is not None:
                waiting.remove(job)
                job.begun, job.starts, pod.job = self.now, job.starts + 1, job

    # --- Kubernetes

    def _leave(self) -> None:
        for pod in self.pods:
            if (
                pod.deleted is not None
                and pod.job is None
                and (pod.node is None or pod.online is None or self.now - pod.deleted >= CORDON_SECONDS)
            ):
                self._free(pod)
        self.pods = [pod for pod in self.pods if not pod.gone]

    def _free(self, pod: SimulatedPod) -> None:
        if not pod.gone and pod.node is not None:
            self.free[pod.node] += pod.pool.gpus
        pod.gone = True

    def _scale(self) -> None:
        for pool in self.pools:
            most, wanted = pool.most(self.now), self._wanted.get(pool.key, 0)
            target = pool.replicas
            if most < pool.replicas:
                target = most  # somebody lowered it
            elif self.now % KEDA_SECONDS == 0 and pool.replicas == 0 and wanted and most:
                target = max(1, pool.least)
            elif self.now % KEDA_SECONDS == 0 and not wanted and not pool.least:
                target = 0
            elif self.now % HPA_SECONDS == 0 and pool.replicas:
                target = max(1, pool.least, min(wanted, most))
            target = max(target, min(pool.least, most))
            if target != pool.replicas:
                pool.replicas = target
                pool.changes.append((self.now, target))

    def _replace(self) -> None:
        for pool in self.pools:
            active = [pod for pod in self.pods if pod.pool is pool and pod.deleted is None and not pod.gone]
            for pod in sorted(active, key=_deletion_rank)[: max(0, len(active) - pool.replicas)]:
                pod.deleted = self.now
                if pod.job is not None and any(other.job is None and other.deleted is None for other in active):
                    self.busy_deletions += 1
            for _ in range(pool.replicas - len(active)):
                if pool.quota is not None and self._held_gpus(pool) + pool.gpus > pool.quota:
                    break
                name = f"{pool.name}-{next(self._numbers)}"
                self.pods.append(SimulatedPod(name=name, pool=pool, created=self.now, tried=self.now))

    def _held_gpus(self, pool: SimulatedPool) -> int:
        return sum(pod.pool.gpus for pod in self.pods if pod.pool is pool and not pod.gone)

    def _schedule(self) -> None:
        due = [
            pod for pod in self.pods
            if pod.node is None and pod.deleted is None
            and (not pod.refused or self.now - pod.tried >= min(2 ** (pod.tries - 1), LONGEST_BACK_OFF_SECONDS))
        ]  # fmt: skip
        for pod in sorted(due, key=lambda pod: (-pod.pool.priority, pod.tried, self.random.random())):
            pod.tried, pod.tries = self.now, pod.tries + 1
            node = self._place_for(pod)
            if node is None:
                pod.refused = True
                self._preempt_for(pod)
            else:
                pod.node, pod.placed, pod.refused = node, self.now, False
                self.free[node] -= pod.pool.gpus
                self._nominated = {where: who for where, who in self._nominated.items() if who is not pod}

    def _place_for(self, pod: SimulatedPod) -> int | None:
        """The node with most room, as the scheduler spreads; what is kept for a higher priority does not count."""
        best, most = None, 0
        for node, free in enumerate(self.free):
            nominee = self._nominated.get(node)
            is_kept = nominee is not None and nominee is not pod and nominee.pool.priority >= pod.pool.priority
            room = free - (nominee.pool.gpus if nominee is not None and is_kept else 0)
            if room >= pod.pool.gpus and room > most:
                best, most = node, room
        return best

    def _preempt_for(self, pod: SimulatedPod) -> None:
        """The lower ones of one node go, each when its job has ended."""
        if not pod.pool.priority or pod in self._nominated.values():
            return
        for node in range(len(self.free)):
            lower = [
                other for other in self.pods
                if other.node == node and not other.gone and other.pool.priority < pod.pool.priority
            ]  # fmt: skip
            leaving = sum(other.pool.gpus for other in lower if other.deleted is not None)
            missing = pod.pool.gpus - self.free[node] - leaving
            victims = []
            for other in sorted(lower, key=lambda other: other.job is not None):
                if missing > 0 and other.deleted is None:
                    victims.append(other)
                    missing -= other.pool.gpus
            if missing <= 0 and node not in self._nominated:
                for victim in victims:
                    victim.deleted = self.now
                self._nominated[node] = pod
                return

    # --- the registrar

    def _start(self) -> None:
        for pod in self.pods:
            is_due = pod.node is not None and self.now - pod.placed >= START_SECONDS and pod.online is None
            if is_due and pod.deleted is None and self.now - pod.asked >= (RETRY_SECONDS if pod.asked else 0):
                pod.asked = self.now
                if not self._held.get(pod.pool.key):
                    pod.online = self.now

    def _watch(self) -> None:
        """What the registrar makes of what it sees, for the next second."""
        seen = {pod: pod.seen(number) for number, pod in enumerate(self.pods, start=1)}
        by_pool: dict[str, list[RunnerPod]] = {}
        for pod, view in seen.items():
            if not pod.gone:
                by_pool.setdefault(pod.pool.key, []).append(view)
        counts = self._count(seen)
        declared = {pool.key: pool.declared for pool in self.pools}
        orders = {key: counted.first for key, counted in counts.items()}
        held = self._reservations.find(declared, by_pool, orders) if self.order else ()
        for key, counted in counts.items():
            self._held[key] = holding(declared[key], counted.first, held) is not None
            self._wanted[key] = runners_wanted(
                counted, by_pool.get(key, ()), working=frozenset(), idle_seconds=declared[key].idle_seconds,
                now=float(self.now), reserved=self._held[key],
            )  # fmt: skip

    def _count(self, seen: dict[SimulatedPod, RunnerPod]) -> dict[str, Count]:
        pools = [
            Pool(
                namespace=pool.name,
                name=pool.name,
                scope=SCOPE,
                forge=GITEA,
                labels=frozenset({pool.name}),
                most=pool.most(self.now),
            )
            for pool in self.pools
        ]
        ids = {pod.job: view.runner_id for pod, view in seen.items() if pod.job is not None}
        places = {
            view.runner_id: Place(pool=pod.pool.key, leaving=pod.deleted is not None)
            for pod, view in seen.items()
            if view.runner_id is not None
        }
        open_jobs = [job for job in self.jobs if job.ended is None]
        waiting = [_listed(job, None) for job in open_jobs if job.begun is None]
        running = [_listed(job, ids.get(job)) for job in open_jobs if job.begun is not None]
        return count(pools, waiting={SCOPE: waiting}, running={SCOPE: running}, places=places)


def _listed(job: SimulatedJob, runner_id: int | None) -> Job:
    return Job(
        id=str(job.number), name="train", labels=frozenset({job.pool.name}), runner_id=runner_id,
        in_progress=runner_id is not None, conclusion="",
    )  # fmt: skip


def _deletion_rank(pod: SimulatedPod) -> tuple[bool, bool, int, int]:
    """Kubernetes' order (ActivePodsWithRanks): without a node, not ready, cheap to delete, young."""
    cost = DELETION_COST if pod.job is not None else 0
    return (pod.node is not None, pod.online is not None, cost, -pod.created)
