"""A ReplicaSet and its kubelets before the stand-in cluster: pods that register, run jobs of the stand-in GitHub, end.

The order in which a ReplicaSet deletes is Kubernetes' own (ActivePodsWithRanks): pods that are not ready first, then by
controller.kubernetes.io/pod-deletion-cost, then the youngest.
"""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from lab.github import runs
from tests.registrar.conftest import World
from tests.registrar.stand_in_cluster import end, runner_pod, stamp, start
from values import contract

LOOK_SECONDS: Final = 0.05
MOST_JOB_SECONDS: Final = 0.4
GRACE_SECONDS: Final = 0.3  # preStop's: until it looks whether a job has come

Pod = dict[str, Any]


@dataclass
class ReplicaSet:
    """`replicas` is anybody's to set. `began`: how often each job was begun by a runner."""

    world: World
    seed: int
    replicas: int = 0
    began: Counter[int] = field(default_factory=Counter)
    killed_with_job: int = 0
    made: int = 0
    _pods: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - a simulation

    async def run(self) -> None:
        """Until it is cancelled; its pods end with it."""
        try:
            while True:
                for task in self._pods.values():
                    if task.done():
                        task.result()
                await self._sync()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            for task in self._pods.values():
                task.cancel()

    @property
    def pods(self) -> list[Pod]:
        """Those that are there."""
        return list(self.world.cluster.pods.values())

    async def _sync(self) -> None:
        active = [pod for pod in self.pods if not _is_leaving(pod) and pod["status"]["phase"] in ("Pending", "Running")]
        for pod in sorted(active, key=_rank)[: max(0, len(active) - self.replicas)]:
            if pod in self.pods:  # it may have ended since, and be gone
                pod["metadata"]["deletionTimestamp"] = stamp()
                await self.world.cluster.put(pod)
        for _ in range(self.replicas - len(active)):
            self.made += 1
            pod = runner_pod(f"cuda-abc-{self.made:05}")
            await self.world.cluster.create(pod)
            self._pods[pod["metadata"]["name"]] = asyncio.create_task(self._live(pod))

    async def _live(self, pod: Pod) -> None:
        name = pod["metadata"]["name"]
        try:
            await self._work(pod, name)
        finally:
            if ("runners", name) in self.world.cluster.pods and _is_leaving(pod):
                await self.world.cluster.vanish("runners", name)

    async def _work(self, pod: Pod, name: str) -> None:
        while (answer := await self.world.register(pod))[0] != 200:
            if _is_leaving(pod):
                return
            assert answer[0] in (429, 503), answer[2]
            await asyncio.sleep(min(0.2, float(answer[1]["Retry-After"])))
        runner_id = int(pod["metadata"]["annotations"][contract.RUNNER_ID_ANNOTATION])
        github = self.world.github.world
        if runner_id not in github.runners:
            return  # it left while it was being registered
        self.world.github.come_online(runner_id)
        await self.world.cluster.put(start(pod))
        leaving_at = None
        while (runner := github.runners.get(runner_id)) is not None:
            job = runs.next_job(github, runner)
            if job is not None:
                self.began[job.id] += 1
                await asyncio.sleep(self._random.uniform(0.05, MOST_JOB_SECONDS))
                self.killed_with_job += github.runners.get(runner_id) is None
                await runs.finish(github, job, "succeeded")
                break
            now = asyncio.get_running_loop().time()
            leaving_at = leaving_at or (now if _is_leaving(pod) else None)
            if leaving_at is not None and now - leaving_at > GRACE_SECONDS and not runner.session:
                break
            await asyncio.sleep(LOOK_SECONDS)
        if name in {there["metadata"]["name"] for there in self.pods}:
            await self.world.cluster.put(end(pod, exit_code=0))


def _is_leaving(pod: Pod) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def _is_ready(pod: Pod) -> bool:
    conditions = {condition["type"]: condition["status"] for condition in pod["status"].get("conditions", ())}
    return pod["status"]["phase"] == "Running" and conditions.get(contract.ONLINE_GATE) == "True"


def _cost(pod: Pod) -> int:
    return int(pod["metadata"]["annotations"].get(contract.DELETION_COST_ANNOTATION, "0"))


def _rank(pod: Pod) -> tuple[bool, int, str]:
    """The youngest first among those alike: names are numbered."""
    number = int(pod["metadata"]["name"].rpartition("-")[2])
    return (_is_ready(pod), _cost(pod), f"{10**6 - number:07}")
