"""The lock is held as long as the block, and given back however it ends. Pulumi is a stand-in that keeps a file."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

from gpu_runners.pulumi_command import opened
from gpu_runners.review.errors import ReviewFailedError
from gpu_runners.review.stack_lock import StackLock, stack_lock
from tests.gpu_runners.stand_in_pulumi import StandInPulumi

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_SECONDS = 60.0  # of a busy machine
# As the real one does: a lock file from before the program runs until after it has ended.
LOCKING = """
case "$1" in
  stack) echo '{"version": 3, "deployment": {}}';;
  config) echo '{}';;
  refresh)
    if [ -e LOCK ]; then echo "error: the stack is currently locked by 1 lock(s)" >&2; exit 255; fi
    touch LOCK
    cp Pulumi.yaml DESCRIPTION
    sh -c 'echo $$ > NUMBER; exec PYTHON __main__.py'; code=$?
    echo "Resources:" # into a pipe that nobody reads any more it would die here
    rm LOCK
    exit $code;;
esac
"""
HOLDER = """
import sys, time
from pathlib import Path
from gpu_runners.pulumi_command import opened
from gpu_runners.review.stack_lock import stack_lock
with opened(Path(sys.argv[1]), "dev", None) as program, stack_lock(program):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandInPulumi:
    script = (
        LOCKING.replace("LOCK", str(tmp_path / "lock"))
        .replace("NUMBER", str(tmp_path / "number"))
        .replace("DESCRIPTION", str(tmp_path / "description"))
        .replace("PYTHON", sys.executable)
    )
    made = StandInPulumi.make(tmp_path, script, monkeypatch)
    (made.program / "Pulumi.yaml").write_text("name: gpu-runners\nruntime: {name: python}\n")
    return made


def is_locked(pulumi: StandInPulumi) -> bool:
    return (pulumi.folder / "lock").exists()


def until_free(pulumi: StandInPulumi) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while is_locked(pulumi):
        assert time.monotonic() < end, "the lock is still there"
        time.sleep(0.02)


def until_lost(lock: StackLock) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        lock.require()


def test_the_lock_is_held_in_the_block_and_no_longer(pulumi: StandInPulumi) -> None:
    with opened(pulumi.program, "dev", None) as program, stack_lock(program) as lock:
        assert is_locked(pulumi)
        lock.require()
    assert not is_locked(pulumi)
    (call,) = [call for call in pulumi.calls if call.startswith("refresh")]
    assert "--run-program --exclude ** --yes" in call
    assert "--skip-preview" not in call  # the program fails in the preview, before anything is written


def test_an_error_in_the_block_gives_it_back(pulumi: StandInPulumi) -> None:
    with (
        pytest.raises(ReviewFailedError, match="no"),
        opened(pulumi.program, "dev", None) as program,
        stack_lock(program),
    ):
        raise ReviewFailedError("no")
    assert not is_locked(pulumi)


def test_a_lock_of_somebody_else_is_an_error_and_stays(pulumi: StandInPulumi) -> None:
    (pulumi.folder / "lock").touch()
    with (
        opened(pulumi.program, "dev", None) as program,
        pytest.raises(ReviewFailedError, match="cannot be locked, so nothing was done: error: the stack is currently"),
        stack_lock(program),
    ):
        pytest.fail("there is no lock")
    assert is_locked(pulumi)


def test_a_lock_that_was_lost_is_known(pulumi: StandInPulumi) -> None:
    with opened(pulumi.program, "dev", None) as program, stack_lock(program) as lock:
        os.kill(int((pulumi.folder / "number").read_text()), signal.SIGKILL)
        until_free(pulumi)
        with pytest.raises(ReviewFailedError, match="the lock of dev was lost meanwhile"):
            until_lost(lock)


def test_whoever_holds_it_may_be_killed(pulumi: StandInPulumi) -> None:
    command = [sys.executable, "-c", HOLDER, str(pulumi.program)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder:
        alarm = threading.Timer(PATIENCE_SECONDS, holder.kill)  # which ends its line, too
        alarm.start()
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            assert is_locked(pulumi)
        finally:
            alarm.cancel()
            holder.kill()
    until_free(pulumi)


@pytest.mark.parametrize(
    ("runtime", "expected"),
    [
        ("", "python"),
        ("runtime: python\n", "python"),
        ("runtime: {name: python, options: {toolchain: uv}}\n", {"name": "python", "options": {"toolchain": "uv"}}),
        (
            "runtime: {name: python, options: {virtualenv: venv}}\n",
            {"name": "python", "options": {"virtualenv": "FOLDER/venv"}},
        ),
    ],
)
def test_it_is_held_by_a_program_of_the_same_project_in_the_same_language_host(
    pulumi: StandInPulumi, runtime: str, expected: object
) -> None:
    (pulumi.program / "Pulumi.yaml").write_text(f"name: gpu-runners\n{runtime}")
    with opened(pulumi.program, "dev", None) as program, stack_lock(program):
        description = yaml.safe_load((pulumi.folder / "description").read_text())
    if isinstance(expected, dict) and "virtualenv" in expected["options"]:
        expected["options"]["virtualenv"] = str((pulumi.program / "venv").resolve())
    assert description == {"name": "gpu-runners", "runtime": expected}
