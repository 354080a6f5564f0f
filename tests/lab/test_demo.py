"""The demos as a newcomer runs them: to their proof, stopped by Ctrl-C at several points, and once more after that."""

import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from lab import paths

WHOLE_SECONDS = 600
STOPPED_SECONDS = 30
# What the timeline says at the moments at which somebody loses patience.
MOMENTS = {
    "while the platform is brought up": r" lab is up; ",
    "as soon as the run is started": r" pushed [0-9a-f]{10} ",
    "while job 1 deploys": r" deploy +job started on ",
    "while job 2 trains": r" train +job started on ",
}


@dataclass(frozen=True)
class Outcome:
    code: int
    output: str


def demo(*arguments: str, stop_at: str = "") -> Outcome:
    """One `python -m lab.demo`; a signal as of Ctrl-C as soon as a line matches `stop_at`."""
    command = [sys.executable, "-u", "-m", "lab.demo", *arguments]
    lines: list[str] = []
    with subprocess.Popen(
        command, cwd=paths.REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if stop_at and re.search(stop_at, line):
                process.send_signal(signal.SIGINT)
                break
        rest, _ = process.communicate(timeout=STOPPED_SECONDS if stop_at else WHOLE_SECONDS)
    return Outcome(process.returncode, "".join([*lines, rest]))


def proved(outcome: Outcome) -> bool:
    return outcome.code == 0 and "proved: job train ran on pod " in outcome.output


@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_ends_the_demo_in_one_line_and_the_next_one_proves_it_all(lab: dict[str, str], moment: str) -> None:
    stopped = demo(stop_at=MOMENTS[moment])
    assert stopped.code == 130, stopped.output
    assert "Traceback" not in stopped.output
    assert "by hand; the lab is still up: `make lab-down` ends it" in stopped.output
    again = demo("--cancel-earlier")
    assert proved(again), again.output


def test_an_unfinished_run_is_named_with_the_cure_and_not_cancelled_without_consent(lab: dict[str, str]) -> None:
    demo(stop_at=MOMENTS["as soon as the run is started"])
    refused = demo()
    assert refused.code == 1
    assert "an earlier run is not finished: http" in refused.output
    assert "`make demo CANCEL=yes`" in refused.output
    assert proved(demo("--cancel-earlier"))


@pytest.mark.parametrize("arguments", [("--forge", "github"), ("--scale", "queue")], ids=" ".join)
def test_the_other_demos_prove_what_they_claim(lab: dict[str, str], arguments: Sequence[str]) -> None:
    outcome = demo(*arguments, "--cancel-earlier")
    assert outcome.code == 0, outcome.output
    assert "proved: " in outcome.output
