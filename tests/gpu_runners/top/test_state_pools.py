"""Pools that an `up` renamed while somebody looks are shown by their new names."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from gpu_runners.declared_pools import DeclaredPool
from gpu_runners.errors import CommandFailedError
from gpu_runners.top.state_pools import AGE_SECONDS, StatePools

OLD, NEW = [DeclaredPool("runners", "cuda", 1)], [DeclaredPool("runners", "cuda-12", 1)]


class Looking:
    """Somebody who looks, at a time of their own."""

    def __init__(self, read: Callable[[], list[DeclaredPool]], beside: ThreadPoolExecutor) -> None:
        self.time, self._beside = 0.0, beside
        self._state = StatePools(OLD, read, beside, lambda: self.time)

    def at(self, time: float) -> tuple[list[DeclaredPool], str]:
        self.time = time
        pools, problem = self._state.now()
        return list(pools), problem

    def after_the_answer(self) -> tuple[list[DeclaredPool], str]:
        self._beside.submit(lambda: None).result()  # the one thread has done what was asked before
        return self.at(self.time)


@pytest.fixture
def beside() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as thread:
        yield thread


def test_the_state_is_read_anew_after_half_a_minute_and_no_sooner(beside: ThreadPoolExecutor) -> None:
    looking = Looking(lambda: NEW, beside)
    looking.at(AGE_SECONDS)
    assert looking.after_the_answer() == (OLD, "")
    looking.at(AGE_SECONDS + 1)
    assert looking.after_the_answer() == (NEW, "")


@pytest.mark.parametrize("error", [CommandFailedError("pulumi is away"), OSError("pulumi is away")])
def test_of_a_state_that_cannot_be_read_it_is_said_why_until_one_can_be_and_the_known_pools_stay(
    error: Exception, beside: ThreadPoolExecutor
) -> None:
    answers: list[Exception | list[DeclaredPool]] = [error, NEW]

    def read() -> list[DeclaredPool]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    looking = Looking(read, beside)
    looking.at(AGE_SECONDS + 1)
    assert looking.after_the_answer() == looking.at(2 * AGE_SECONDS) == (OLD, "pulumi is away")
    assert looking.at(3 * AGE_SECONDS) == (OLD, "pulumi is away"), "it is asked again"
    assert looking.after_the_answer() == (NEW, "")


def test_nobody_waits_for_a_slow_backend_and_it_is_said_how_long_it_has_not_answered(
    beside: ThreadPoolExecutor,
) -> None:
    answered, asked = Event(), 0

    def read() -> list[DeclaredPool]:
        nonlocal asked
        asked += 1
        answered.wait()
        return NEW

    looking = Looking(read, beside)
    try:
        assert looking.at(AGE_SECONDS + 1) == (OLD, "")
        assert looking.at(2 * AGE_SECONDS) == (OLD, "")
        assert looking.at(3 * AGE_SECONDS + 1) == (OLD, "no answer from Pulumi for 60 s")
    finally:
        answered.set()
    assert looking.after_the_answer() == (NEW, "")
    assert asked == 1
