"""More jobs of three sizes and two teams than nodes can do: who waits for how long. As a program: with many nodes.

python -m tests.registrar.crowded_nodes --nodes 100 --seconds 1800 --seed 7
"""

import argparse
import random
import time
from typing import Final

from tests.registrar.shared_nodes import SharedNodes, SimulatedJob, SimulatedPool

GPUS: Final = 4  # of a node
SMALL_SECONDS: Final = (10, 50)


def pool(
    name: str, gpus: int, most: int = 100, *, priority: int = 0, idle: int = 60, quota: int | None = None
) -> SimulatedPool:
    """A pool that follows the queue."""
    return SimulatedPool(
        name=name, gpus=gpus, most=lambda _: most, priority=priority, idle_seconds=idle, quota=quota
    )  # fmt: skip


def crowded(seed: int, *, order: bool, nodes: int = 4, seconds: int = 900) -> SharedNodes:
    """Small jobs of two teams alone are a tenth more than the nodes can do; pairs and large ones come beside them."""
    small, other = pool("small", 1, nodes * GPUS), pool("other", 1, nodes * GPUS)
    pair, big = pool("pair", 2, nodes), pool("big", GPUS, nodes)
    cluster = SharedNodes([GPUS] * nodes, [small, other, pair, big], seed=seed, order=order)
    arriving = random.Random(seed)  # noqa: S311 - a simulation
    rate = nodes * GPUS / (sum(SMALL_SECONDS) / 2) * 0.55

    def arrivals(now: int) -> None:
        for number in range(max(1, nodes // 4)):
            if now % 300 == 60 + number % 60:
                cluster.queue(big, 60)
            if now % 60 == (30 + number) % 60:
                cluster.queue(pair, 40)
        for team in (small, other):
            for _ in range(int(rate) + (arriving.random() < rate % 1)):
                cluster.queue(team, arriving.randint(*SMALL_SECONDS))

    cluster.run(seconds, arrivals)
    return cluster


def longest_wait(cluster: SharedNodes, name: str) -> int:
    """Seconds; of a job that still waits, so far."""
    jobs = [job for job in cluster.jobs if job.pool.name == name]
    return max((_begun(job, cluster.now) - job.queued for job in jobs), default=0)


def passed_by(cluster: SharedNodes, name: str, *, later: int) -> int:
    """How many jobs of other pools, queued at least so many seconds later, began before one of this pool, at most."""
    others = [job for job in cluster.jobs if job.pool.name != name and job.begun is not None]
    return max(
        (
            sum(
                other.queued >= job.queued + later and _begun(other, cluster.now) < _begun(job, cluster.now)
                for other in others
            )
            for job in cluster.jobs
            if job.pool.name == name
        ),
        default=0,
    )


def _begun(job: SimulatedJob, now: int) -> int:
    return now if job.begun is None else job.begun


def main() -> None:
    """Prints a line for each pool, with the registrar's order and without."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=900)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311 - a simulation
    asked = parser.parse_args()
    print(f"{asked.nodes} nodes of {GPUS} GPUs, {asked.seconds} s, seed {asked.seed}")
    for order in (True, False):
        began = time.monotonic()
        cluster = crowded(asked.seed, order=order, nodes=asked.nodes, seconds=asked.seconds)
        took = time.monotonic() - began
        print(f"{'in the order of the queue' if order else 'whoever fits'}: {len(cluster.jobs)} jobs ({took:.0f} s)")
        used = sum(job.pool.gpus * (_begun_end(job, cluster.now)) for job in cluster.jobs)
        print(f"  GPUs at work: {used / (asked.nodes * GPUS * asked.seconds):.0%}")
        for each in cluster.pools:
            print(f"  {each.name:6} {each.gpus} GPU: longest wait {longest_wait(cluster, each.name)} s")


def _begun_end(job: SimulatedJob, now: int) -> int:
    return 0 if job.begun is None else (now if job.ended is None else job.ended) - job.begun


if __name__ == "__main__":
    main()
