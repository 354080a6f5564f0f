"""`gpu-runners unlock` as it is called: whose word frees the lock of a process that nobody here can see."""

import argparse
from pathlib import Path

import pytest

from gpu_runners.exit_code import ExitCode
from gpu_runners.program import main
from gpu_runners.unlock import command
from tests.gpu_runners.stand_in_pulumi import StandInPulumi

REFUSAL = (
    "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the "
    "lock file with `pulumi cancel`.\\n  file:///s/.pulumi/locks/organization/gpu-runners/dev/5.json?no_tmp_dir=true: "
    "created by root@elsewhere (pid 20670) at 2026-11-24T03:33:58Z"
)
# A lock that lies there until it is cancelled.
PULUMI = """case "$1" in
stack) echo '{{"version": 3, "deployment": {{}}}}' ;;
config) echo '{{}}' ;;
cancel) touch {folder}/cancelled ;;
refresh) [ -e {folder}/cancelled ] || {{ printf '{refusal}\\n' >&2; exit 255; }} ;;
esac"""


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandInPulumi:
    return StandInPulumi.make(tmp_path, PULUMI.format(folder=tmp_path, refusal=REFUSAL), monkeypatch)


@pytest.mark.parametrize(
    ("typed", "is_freed"),
    [("y", True), ("Y", True), ("yes", True), ("", False), ("n", False), ("yess", False), ("j", False)],
)
def test_a_lock_goes_when_somebody_at_the_terminal_says_that_its_holder_has_ended(
    pulumi: StandInPulumi, monkeypatch: pytest.MonkeyPatch, typed: str, is_freed: bool
) -> None:
    monkeypatch.setattr(command, "somebody_is_there", lambda: True)
    monkeypatch.setattr(command, "ask", lambda _: typed)
    code = main(["unlock", "dev", "--folder", str(pulumi.program)])
    assert (code == ExitCode.DONE) is is_freed
    assert (pulumi.folder / "cancelled").exists() is is_freed


def test_where_nobody_can_be_asked_nothing_is_freed_without_a_word_beforehand(pulumi: StandInPulumi) -> None:
    assert main(["unlock", "dev", "--folder", str(pulumi.program)]) == ExitCode.FAILED
    assert not (pulumi.folder / "cancelled").exists()
    assert main(["unlock", "dev", "--yes", "--folder", str(pulumi.program)]) == ExitCode.DONE
    assert (pulumi.folder / "cancelled").exists()


def test_a_job_says_by_a_flag_that_it_means_only_what_it_left_itself() -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert parser.parse_args(["dev", "--own"]).own is True
    assert parser.parse_args(["dev"]).own is False
