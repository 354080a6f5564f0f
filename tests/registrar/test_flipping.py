"""A pool that is thrown to zero and back while short jobs run: in the simulation of `shared_nodes`."""

import random

from tests.registrar.crowded_nodes import pool
from tests.registrar.seed import seed
from tests.registrar.shared_nodes import SharedNodes, SimulatedPool

SEED = seed()
JOBS = 500


def test_no_job_is_lost_or_run_twice_while_the_maximum_flips_between_zero_and_many() -> None:
    flipping = SimulatedPool(name="short", gpus=1, most=lambda now: 0 if now < 900 and now // 7 % 2 else 12)
    cluster = SharedNodes([4, 4, 4], [flipping], seed=SEED)
    lengths = random.Random(SEED)  # noqa: S311 - a simulation
    for _ in range(JOBS):
        cluster.queue(flipping, lengths.randint(1, 6))
    cluster.run_out(3600)
    assert [job.starts for job in cluster.jobs] == [1] * JOBS, f"seed {SEED}"
    assert all(job.ended for job in cluster.jobs), f"seed {SEED}"
    assert flipping.replicas == 0


def test_idle_runners_go_before_those_that_work() -> None:
    short = pool("short", 1, 12, idle=20)
    cluster = SharedNodes([4, 4, 4], [short], seed=SEED)
    coming = random.Random(SEED)  # noqa: S311 - a simulation
    cluster.run(1200, lambda now: cluster.queue(short, coming.randint(5, 90)) if coming.random() < 0.1 else None)
    cluster.run_out(600)
    assert cluster.busy_deletions == 0, f"seed {SEED}"
    assert {job.starts for job in cluster.jobs} == {1}


def test_a_pool_grows_once_and_shrinks_once_with_its_jobs() -> None:
    steady = pool("steady", 1, 12, idle=45)
    cluster = SharedNodes([4, 4, 4], [steady], seed=SEED)
    for _ in range(8):
        cluster.queue(steady, 100)
    cluster.run_out(900)
    sizes = [replicas for _, replicas in steady.changes]
    top = sizes.index(8)
    assert sizes[: top + 1] == sorted(sizes[: top + 1]), f"seed {SEED}: {steady.changes}"
    assert sizes[top:] == sorted(sizes[top:], reverse=True), f"seed {SEED}: {steady.changes}"


def test_a_runner_that_no_job_needs_stays_for_as_long_as_its_pool_says() -> None:
    warm = pool("warm", 1, 4, idle=120)
    cluster = SharedNodes([4], [warm], seed=SEED)
    cluster.queue(warm, 10)
    cluster.run_out(900)
    (job,) = cluster.jobs
    gone, _ = warm.changes[-1]
    assert job.ended is not None
    assert 120 <= gone - job.ended <= 120 + 20, warm.changes
