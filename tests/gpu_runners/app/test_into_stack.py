"""`gpu-runners app --stack`: the App's number and key go into the stack's config, or nothing does."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gpu_runners.app.stored_app import StackNotReadyError, find_program, put
from gpu_runners.errors import CommandFailedError
from gpu_runners.exit_code import ExitCode
from tests.gpu_runners.app.test_handshake import KEY, Browser, ending, github
from tests.gpu_runners.stand_in_pulumi import StandInPulumi
from tests.program.stack_values import ROOT

__all__ = ["github"]  # a fixture
# Adds a line for each setting to the file that it is given, as the real one adds keys.
SETS = """case "$1 $2" in "config --json") echo '{}';; "config set")
    for last; do case "$before" in --config-file) file=$last;; esac; before=$last; done
    echo "# $3 $4" >> $file; cat >> %s/input;; esac"""


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandInPulumi:
    return StandInPulumi.make(tmp_path, SETS % tmp_path, monkeypatch)


def test_number_and_key_go_into_the_stack_and_the_key_through_no_list_of_processes(
    pulumi: StandInPulumi, github: tuple[object, str]
) -> None:
    command = [sys.executable, "-m", "gpu_runners", "app", "organization", "--organization", "mlops"]
    command += ["--github", github[1], "--port", "0", "--stack", "dev", "--folder", str(pulumi.program)]
    started = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with ending(started) as made:
        assert made.stdout is not None
        browser = Browser()
        browser.follow(made.stdout.readline())
        said = made.stdout.read()
        browser.leave()
    assert made.returncode == ExitCode.DONE, said
    assert "2. gpu-runners doctor dev" in said
    lines = (pulumi.program / "Pulumi.dev.yaml").read_text().splitlines()
    assert lines[1:] == ["# --path gpu-runners:githubApp.appId", "# --secret gpu-runners:githubAppPrivateKey"]
    assert (pulumi.folder / "input").read_text() == KEY
    assert "BEGIN" not in "".join(pulumi.calls) + said
    assert list(pulumi.program.glob("*.pem")) == []


@pytest.mark.parametrize("script", ["echo 'error: incorrect passphrase' >&2; exit 1", ":"])
def test_a_stack_that_takes_nothing_is_told_before_an_app_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    pulumi = StandInPulumi.make(tmp_path, script, monkeypatch)
    if script == ":":
        (pulumi.program / "Pulumi.dev.yaml").unlink()
    with pytest.raises(
        StackNotReadyError, match=r"incorrect passphrase; no App was made|`gpu-runners init dev` writes"
    ):
        find_program(pulumi.program, "dev")


def test_a_key_that_the_stack_refuses_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuses = """case "$*" in *--secret*) echo 'error: no room' >&2; exit 1;; "config --json"*) echo '{}';; esac"""
    pulumi = StandInPulumi.make(tmp_path, refuses, monkeypatch)
    before = (pulumi.program / "Pulumi.dev.yaml").read_text()
    with pytest.raises(CommandFailedError, match=r"no room.*its key is in"):
        put(find_program(pulumi.program, "dev"), "githubApp", 4711, KEY)
    file = pulumi.program / "dev.private-key.pem"
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == (KEY, 0o600)
    assert (pulumi.program / "Pulumi.dev.yaml").read_text() == before


def test_a_key_goes_to_one_place(pulumi: StandInPulumi, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "gpu_runners",
        "app",
        "repository",
        "--stack",
        "dev",
        "--to",
        str(tmp_path / "k.pem"),
    ]
    command += ["--folder", str(pulumi.program)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == ExitCode.USAGE
    assert "--stack and --to: give one of them" in done.stderr
