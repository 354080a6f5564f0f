"""What is counted for a pool goes with the pool, some time after it; of pools without end the newest are kept."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from registrar import loop, pool_series
from registrar.accounting import Accounting
from registrar.forges.answers import read_job
from registrar.metrics import Metrics
from registrar.outcomes import outcome_of
from registrar.pool_series import LINGER_SECONDS, MOST_OF_A_POOL, MOST_POOLS
from registrar.untrusted import Entry
from tests.registrar.conftest import World, until
from tests.registrar.exported_metrics import collectors
from tests.registrar.stand_in_cluster import runner_pod
from tests.registrar.test_accounting import GPU, JOB, Clock, holding, value
from tests.registrar.test_brake import ended_pod
from values import contract

NAMESPACE = {"namespace": "runners"}


def series_by_pool(metrics: Metrics) -> Iterator[str]:
    """The pool of each series that has one, of every metric there is."""
    for collector in collectors(metrics):
        if "pool" in collector._labelnames:
            at = collector._labelnames.index("pool")
            yield from (str(labels[at]) for labels in collector._metrics)


def count_everything(accounting: Accounting, pool: str) -> None:
    """All that is counted for a pool: GPUs held, a start, a job and a failure."""
    running = replace(holding(busy="7"), pool=pool)
    accounting.tick([running])
    accounting.came_online(running)
    ended, job = ended_pod("a", at=2000, pool=pool), read_job(Entry(JOB))
    accounting.ended(ended, outcome_of(ended, job), job)
    accounting.ended(ended, outcome_of(ended, None), None)


def test_a_pool_that_is_gone_is_counted_for_a_while_and_then_forgotten() -> None:
    clock, metrics = Clock(), Metrics()
    accounting = Accounting(metrics, now=clock, elapsed=clock)
    count_everything(accounting, "gone")
    count_everything(accounting, "there")
    assert len([pool for pool in series_by_pool(metrics) if pool == "gone"]) >= 5
    clock.now += LINGER_SECONDS
    accounting.tick([replace(holding(busy=None), pool="there")])
    assert value(metrics, "runner_failures_total", **NAMESPACE, pool="gone", reason="Error") == 1
    clock.now += 1
    accounting.tick([replace(holding(busy=None), pool="there")])
    assert set(series_by_pool(metrics)) == {"there"}
    count_everything(accounting, "gone")
    assert value(metrics, "runner_failures_total", **NAMESPACE, pool="gone", reason="Error") == 1, "it begins anew"


def test_a_pool_at_zero_that_is_declared_keeps_what_was_counted() -> None:
    clock, metrics = Clock(), Metrics()
    accounting = Accounting(metrics, now=clock, elapsed=clock)
    count_everything(accounting, "idle")
    for _ in range(3):
        clock.now += LINGER_SECONDS
        accounting.tick([], [("runners", "idle"), ("runners", "never-used")])
    assert value(metrics, "runner_failures_total", **NAMESPACE, pool="idle", reason="Error") == 1
    assert set(series_by_pool(metrics)) == {"idle"}


def test_pools_without_end_are_counted_up_to_a_number_the_newest_of_them() -> None:
    clock, metrics = Clock(), Metrics()
    accounting = Accounting(metrics, now=clock, elapsed=clock)
    for number in range(MOST_POOLS + 50):
        count_everything(accounting, f"pool{number}")
    accounting.tick([])
    pools = set(series_by_pool(metrics))
    assert len(pools) == MOST_POOLS
    assert "pool49" not in pools
    assert {"pool50", f"pool{MOST_POOLS + 49}"} <= pools


def test_a_pool_whose_pods_name_resources_without_end_has_a_number_of_series() -> None:
    clock, metrics = Clock(), Metrics()
    accounting = Accounting(metrics, now=clock, elapsed=clock)
    for number in range(3 * MOST_OF_A_POOL):
        accounting.tick([replace(holding(busy=None), gpu_resource=f"example.com/device{number}")])
    accounting.tick([])
    assert len(list(series_by_pool(metrics))) == MOST_OF_A_POOL


async def test_the_registrar_forgets_a_pool_that_was_deleted_and_keeps_one_at_zero(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_series, "LINGER_SECONDS", 0.5)
    monkeypatch.setattr(loop, "HOUSEKEEPING_SECONDS", 0.1)
    for name in ("kept", "gone"):
        await world.cluster.declare(name)
        pod = runner_pod(f"{name}-abc-aaaaa")
        pod["metadata"]["labels"][contract.POOL_LABEL] = name
        pod["spec"]["containers"] = [{"name": contract.RUNNER_CONTAINER, "resources": {"limits": {GPU: "1"}}}]
        await world.cluster.create(pod)
    world.run()
    await until(lambda: set(counted(world)) == {"kept", "gone"})
    await world.cluster.undeclare("gone")
    for name in ("kept", "gone"):
        await world.cluster.vanish("runners", f"{name}-abc-aaaaa")
    await until(lambda: "gone" not in counted(world))
    assert counted(world)["kept"] > 0


def counted(world: World) -> dict[str, float]:
    """GPU-seconds of each pool."""
    labels = {**NAMESPACE, "resource": GPU, "state": "idle"}
    found = {pool: value(world.metrics, "gpu_seconds_total", **labels, pool=pool) for pool in ("kept", "gone")}
    return {pool: seconds for pool, seconds in found.items() if seconds is not None}
