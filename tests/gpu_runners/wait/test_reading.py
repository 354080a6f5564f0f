"""One look at a time, always from the same thread; who waits for it is not bound to it."""

import signal
import threading
from collections.abc import Iterator
from typing import NoReturn

import pytest

from gpu_runners.wait.reading import LookingThread


class SignalledError(KeyboardInterrupt):
    """What the program's own handler raises is of this kind."""


@pytest.fixture
def signalled() -> Iterator[None]:
    def stop(*_: object) -> NoReturn:
        raise SignalledError

    before = signal.signal(signal.SIGINT, stop)
    yield
    signal.signal(signal.SIGINT, before)


def test_every_look_is_taken_in_one_thread_and_none_before_it_is_asked_for() -> None:
    threads: list[int] = []

    def look() -> int:
        threads.append(threading.get_ident())
        return len(threads)

    looking = LookingThread(look)
    assert threads == []
    assert [looking(), looking(), looking()] == [1, 2, 3]
    assert len(set(threads)) == 1
    assert threading.get_ident() not in threads


def test_what_a_look_raises_is_raised_where_it_was_asked_for_and_the_next_one_is_taken() -> None:
    answers: Iterator[Exception | str] = iter([ValueError("no"), "yes"])

    def look() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    looking = LookingThread(look)
    with pytest.raises(ValueError, match="no"):
        looking()
    assert looking() == "yes"


@pytest.mark.usefixtures("signalled")
def test_a_signal_ends_the_waiting_for_a_look_that_hangs() -> None:
    answered, main = threading.Event(), threading.main_thread().ident
    assert main is not None

    def hanging() -> None:
        signal.pthread_kill(main, signal.SIGINT)
        answered.wait()

    with pytest.raises(SignalledError):
        LookingThread(hanging)()
    answered.set()


@pytest.mark.usefixtures("signalled")
def test_a_signal_that_interrupts_another_thread_than_the_one_that_waits_is_noticed_all_the_same() -> None:
    answered, ended = threading.Event(), threading.Event()

    def look() -> None:
        signal.raise_signal(signal.SIGINT)
        answered.wait(10.0)
        ended.set()

    with pytest.raises(SignalledError):
        LookingThread(look)()
    assert not ended.is_set()
    answered.set()
