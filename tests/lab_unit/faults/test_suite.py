"""The suite judges a fault by its jobs, ends at its deadline, and says what cannot be tried."""

import signal
import time

import pytest

from lab.errors import LabError
from lab.faults import suite
from lab.faults.fault import Contract, Fault, Observation


def test_a_fault_that_does_not_end_is_ended_at_its_deadline() -> None:
    started = time.monotonic()
    with pytest.raises(LabError, match=r"waited 0 s until x was over"), suite.within("x was over", 0.2):
        time.sleep(30)
    assert time.monotonic() - started < 30


def test_what_ended_in_time_is_not_interrupted_later() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with suite.within("x was over", 3600):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    assert signal.getsignal(signal.SIGALRM) == before


def test_a_contract_names_the_file_that_holds_it_and_loses_nothing() -> None:
    line = suite.by_contract(Contract("github-late", "late", "held", "tests/x.py"))
    assert line.observed == "held (`tests/x.py`)"
    assert (line.recovery_s, line.jobs_lost, line.proof) == (None, 0, "by contract")


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ([True], "nobody is left; the forge says so beside the commit"),
        ([True, False], "nobody is left; the forge does not say so"),
    ],
)
def test_a_lost_job_is_said_with_its_reason_and_whether_people_can_read_it(told: list[bool], seen: str) -> None:
    fault = Fault("x", "x", lambda scene: Observation("x"), loses=1, why="nobody is left")
    assert suite.loss_seen(fault, told) == seen
