"""Ctrl-C in the middle of a soak: it takes everything back, says what it had seen, and writes no page.

The process is the real one, which takes some seconds: it looks at its jobs once a second.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest

from lab import paths
from tests.lab_unit.soak.stand_in_soak import TAKEN_BACK, TAKING_BACK

PATIENCE_SECONDS = 60


@pytest.fixture
def process(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-u", "-m", "tests.lab_unit.soak.stand_in_soak", str(tmp_path)]
    with subprocess.Popen(
        command,
        cwd=paths.REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as it:
        alarm = Timer(3 * PATIENCE_SECONDS, it.kill)  # which ends whoever reads its lines, too
        alarm.start()
        try:
            yield it
        finally:
            alarm.cancel()
            it.kill()


def read_until(process: "subprocess.Popen[str]", *words: str) -> str:
    """All that it says until it has said each of these; its end is the end of that, too."""
    assert process.stdout is not None
    said = ""
    while not all(word in said for word in words) and (line := process.stdout.readline()):
        said += line
    return said


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_soak_says_what_it_had_seen_and_takes_everything_back_whoever_is_impatient(
    process: "subprocess.Popen[str]", sign: signal.Signals, tmp_path: Path
) -> None:
    read_until(process, "gitea has job-3", "github has job-3")  # the first one has succeeded by then
    os.kill(process.pid, sign)
    before = read_until(process, TAKING_BACK)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: to all of its children, too
    os.kill(process.pid, signal.SIGTERM)
    after, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    seen = re.search(
        r"interrupted after 0\.\d minutes: 0 faults had struck, (\d+) of (\d+) jobs had succeeded, 0 were taken with "
        r"their runners; nothing was lost and nothing ran twice",
        before,
    )
    assert seen is not None, before
    succeeded, pushed = map(int, seen.groups())
    assert 2 <= succeeded <= pushed
    assert "has job-" not in after, "nobody pushes while everything is taken back"
    assert "interrupted: everything is taken back, and no page is written" in after
    assert [path.name for path in tmp_path.iterdir()] == [TAKEN_BACK]
