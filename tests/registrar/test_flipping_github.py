"""The real registrar between a ReplicaSet whose number flips and a GitHub with short jobs: nothing is lost.

`make flip` has five hundred jobs; here are fewer, as each one is a pod, a registration and a dozen requests.
"""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path

from registrar.forges.forge import Pace
from registrar.forges.github.pace import LIMITS
from tests.github.arranged import job
from tests.registrar.conftest import World, open_world
from tests.registrar.replica_set import ReplicaSet
from tests.registrar.seed import seed

SEED = seed()
JOBS = int(os.environ.get("FLIPPED_JOBS", "60"))
OF_A_RUN, MOST = 20, 12
FLIP_SECONDS = 1.0
PACE = Pace(burst=0.1, active=0.2, idle=0.3, census=0.5, queue=0.2)
FREE = replace(LIMITS, changes=LIMITS.changes * 100, reads=LIMITS.reads * 100)
PATIENCE_SECONDS = 120 + JOBS


async def wanted(world: World) -> int:
    async with world.http.get(f"{world.status_url}/queue") as response:
        if response.status != 200:
            return -1  # not known: the autoscaler leaves the number alone
        document = await response.json()
    return int(document.get("runners/cuda", {"wanted": 0})["wanted"])


async def scale(world: World, replica_set: ReplicaSet, most: Iterator[int]) -> None:
    """As KEDA and the HorizontalPodAutoscaler, while somebody throws the maximum to zero and back."""
    flipped, limit = asyncio.get_running_loop().time(), next(most)
    while True:
        now = asyncio.get_running_loop().time()
        if now - flipped > FLIP_SECONDS:
            flipped, limit = now, next(most)
        number = await wanted(world)
        if number >= 0:
            replica_set.replicas = min(number, limit)
        await asyncio.sleep(0.1)


async def test_no_job_is_lost_or_run_twice_while_the_maximum_flips(tmp_path: Path) -> None:
    async with open_world(tmp_path, "github", PACE, FREE) as world:
        world.run()
        await world.cluster.declare(most=MOST, idle=1)
        numbers = range(1, JOBS + 1)
        for first in range(1, JOBS + 1, OF_A_RUN):
            queued = [job(1000 + n, status="queued") for n in numbers[first - 1 : first - 1 + OF_A_RUN]]
            world.github.run(10 + first, *queued)
        replica_set = ReplicaSet(world, SEED)
        running = [
            asyncio.create_task(replica_set.run()),
            asyncio.create_task(scale(world, replica_set, cycle((MOST, 0)))),
        ]
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while world.cluster.pods or any(each.status != "completed" for each in world.github.world.jobs()):
                    for task in running:
                        if task.done():
                            task.result()
                    await asyncio.sleep(0.1)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        assert {each.conclusion for each in world.github.world.jobs()} == {"success"}, f"seed {SEED}"
        assert sorted(replica_set.began) == [1000 + n for n in numbers], f"seed {SEED}"
        assert set(replica_set.began.values()) == {1}, f"seed {SEED}"
        assert replica_set.killed_with_job == 0, f"seed {SEED}: a runner was removed while it had a job"
        assert world.github.runners == {}
