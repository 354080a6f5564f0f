"""Several pools over the same nodes: order, fairness and budgets, in a simulation whose seed each message names.

A run takes a few seconds: a quarter of an hour of four nodes.
"""

import pytest

from tests.registrar.crowded_nodes import crowded, longest_wait, passed_by, pool
from tests.registrar.seed import seed
from tests.registrar.shared_nodes import SharedNodes

SEED = seed()
# What may pass by all the same: ten seconds until room is kept, two periods of the autoscaler's, the longest small job.
TURN_SECONDS = 90


@pytest.mark.parametrize("start", [SEED, 1])
def test_no_pool_starves_while_smaller_jobs_come_for_ever(start: int) -> None:
    cluster = crowded(start, order=True)
    longest = {each.name: longest_wait(cluster, each.name) for each in cluster.pools}
    print(f"seed {start}: longest waits {longest}")
    assert max(longest.values()) - min(longest.values()) < 2 * TURN_SECONDS, f"seed {start}: {longest}"
    for name in longest:
        passing = passed_by(cluster, name, later=TURN_SECONDS)
        assert passing <= 4, f"seed {start}: {passing} jobs that came much later began before one of {name}"


def test_without_an_order_a_large_job_waits_for_as_long_as_small_ones_come() -> None:
    """Else the simulation would prove nothing."""
    cluster = crowded(SEED, order=False)
    assert passed_by(cluster, "big", later=TURN_SECONDS) > 100, f"seed {SEED}"


def test_a_higher_priority_goes_first_and_ends_nobodys_job() -> None:
    low, high = pool("low", 1, 8), pool("high", 4, 2, priority=1)
    cluster = SharedNodes([4, 4], [low, high], seed=SEED)
    for _ in range(40):
        cluster.queue(low, 30)
    cluster.run(60)
    cluster.queue(high, 20)
    cluster.run_out(1200)
    (job,) = [job for job in cluster.jobs if job.pool is high]
    assert job.begun is not None
    assert job.begun - job.queued < 75, f"seed {SEED}"  # the longest low job, and two periods of the autoscaler's
    assert {job.starts for job in cluster.jobs} == {1}


def test_what_a_team_may_use_in_all_is_never_exceeded_and_the_other_team_has_the_rest() -> None:
    one, two = pool("one", 1, 8, quota=3), pool("two", 2, 8, quota=4)
    cluster = SharedNodes([4, 4], [one, two], seed=SEED)
    for _ in range(20):
        cluster.queue(one, 20)
        cluster.queue(two, 20)
    cluster.run_out(2400)
    assert all(job.ended for job in cluster.jobs), f"seed {SEED}"
    assert (cluster.most_held["one"], cluster.most_held["two"]) == (3, 4), f"seed {SEED}"
