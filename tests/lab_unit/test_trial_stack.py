"""A command of Pulumi's that nobody waits for any more ends, and leaves no process behind."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.trial import stack
from lab.trial.stack import Stack

PATIENCE_SECONDS = 60.0
POLITE = """trap 'echo asked > "$HERE/asked"; exit 1' INT
echo ready > "$HERE/ready"
while :; do :; done
"""
# A plugin has a process group of its own.
STUBBORN = """trap '' INT
set -m
sleep 300 &
echo $! > "$HERE/plugin"
echo ready > "$HERE/ready"
wait
"""


class GivenUpError(Exception):
    """As Ctrl-C is, of which a test's own process has none to spare."""


def pulumi(folder: Path, body: str) -> Stack:
    """A stack whose `pulumi` does this."""
    program = folder / "pulumi"
    program.write_text(f'#!/bin/bash\necho $$ > "$HERE/pulumi-pid"\n{body}')
    program.chmod(0o755)
    return Stack("dev", folder, {"PATH": f"{folder}:{os.environ['PATH']}", "HERE": str(folder)}, folder)


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def lives(folder: Path, name: str) -> bool:
    stat = Path("/proc", (folder / name).read_text().strip(), "stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Runs a stack's `up` and gives it up as soon as it is ready."""

    def communicate(*_: object, **__: object) -> tuple[str, str]:
        until((tmp_path / "ready").exists)
        raise GivenUpError

    def run(body: str) -> None:
        monkeypatch.setattr("subprocess.Popen.communicate", communicate)
        with pytest.raises(GivenUpError):
            pulumi(tmp_path, body).up()

    return run


def test_it_is_asked_to_end_as_a_terminal_asks(interrupted: Callable[[str], None], tmp_path: Path) -> None:
    interrupted(POLITE)
    assert (tmp_path / "asked").exists()
    assert not lives(tmp_path, "pulumi-pid")


def test_one_that_does_not_listen_is_killed_with_its_plugins(
    interrupted: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack, "END_SECONDS", 0.2)
    interrupted(STUBBORN)
    until(lambda: not lives(tmp_path, "pulumi-pid") and not lives(tmp_path, "plugin"))
