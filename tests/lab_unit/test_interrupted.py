"""Ctrl-C in the lab's programs: no traceback, whenever it comes."""

import os
import signal
import time

import pytest

from lab import __main__ as program
from lab import cluster
from lab.cluster import Part
from tests.program.interrupted import interrupted_while_loading


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("lab", "lab.cluster"), ("lab.demo", "lab.demo.sequence"), ("lab.review_demo", "lab.review_demo.scene"),
        ("lab.faults", "lab.faults.suite"), ("lab.soak", "lab.soak.run"),
    ],
)  # fmt: skip
def test_a_ctrl_c_while_it_loads_ends_it_without_a_word(name: str, module: str) -> None:
    done = interrupted_while_loading(name, module)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_a_ctrl_c_ends_a_command_of_the_lab_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> list[Part]:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
        return []

    monkeypatch.setattr(cluster, "status", interrupted)
    before = signal.getsignal(signal.SIGINT)
    try:
        assert program.main(["status"]) == 130
    except KeyboardInterrupt:
        pytest.fail("it leaves the interrupt to Python, which makes a traceback of it")
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == (
        "stopped by hand: the same command goes on from here; `make lab-down` ends what runs\n"
    )
