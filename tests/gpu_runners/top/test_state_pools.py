"""Pools that an `up` renamed while somebody looks are shown by their new names."""

from gpu_runners.declared_pools import DeclaredPool
from gpu_runners.errors import CommandFailedError
from gpu_runners.top.state_pools import AGE_SECONDS, StatePools

OLD, NEW = [DeclaredPool("runners", "cuda", 1)], [DeclaredPool("runners", "cuda-12", 1)]


def test_the_state_is_read_anew_after_half_a_minute_and_no_sooner() -> None:
    now = 0.0
    pools = StatePools(OLD, lambda: NEW, lambda: now)
    now = AGE_SECONDS
    assert pools.now() == OLD
    now += 1
    assert pools.now() == NEW


def test_a_state_that_cannot_be_read_leaves_the_pools_that_were_known_and_is_tried_again_later() -> None:
    now, asked = 0.0, 0

    def read() -> list[DeclaredPool]:
        nonlocal asked
        asked += 1
        raise CommandFailedError("pulumi is away")

    pools = StatePools(OLD, read, lambda: now)
    now = AGE_SECONDS + 1
    assert (pools.now(), pools.now(), asked) == (OLD, OLD, 1)
    now *= 3
    assert (pools.now(), asked) == (OLD, 2)
