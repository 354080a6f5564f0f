"""`gpu-runners state` as it is called, with a `pulumi` that answers as the real one."""

import json
from pathlib import Path
from typing import Any

import pytest

from gpu_runners.exit_code import ExitCode
from gpu_runners.program import main
from tests.gpu_runners.stand_in_pulumi import StandInPulumi
from tests.gpu_runners.state.test_check import EXEC_KUBECONFIG, recorded, resource

PULUMI = """case "$1 $2" in
"stack export") cat {folder}/state ;;
"config --json") cat {folder}/config ;;
*) exit 1 ;;
esac"""
PLATFORM = {"gpu-runners:platform": {"objectValue": {"scope": "mlops/guide"}, "secret": False}}


class Stack:
    """The stack `review`, its state and its config."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, script: str = PULUMI) -> None:
        self.folder, self.state = folder, recorded()
        self.config: dict[str, Any] = {}
        self.pulumi = StandInPulumi.make(folder, script.format(folder=folder), monkeypatch)

    def run(self, *options: str) -> int:
        (self.folder / "state").write_text(json.dumps(self.state))
        (self.folder / "config").write_text(json.dumps(self.config))
        return main(["state", "review", "--folder", str(self.pulumi.program), *options])


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    return Stack(tmp_path, monkeypatch)


def test_a_state_of_this_programs_is_said_to_be(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert stack.run() == ExitCode.DONE
    number = len(stack.state["deployment"]["resources"])
    assert capsys.readouterr().out == f"review: this program made all {number} resources of the state\n"


def test_what_somebody_else_wrote_into_it_is_found_and_named(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    resource(stack.state, "providers:kubernetes")["inputs"]["kubeconfig"] = EXEC_KUBECONFIG
    assert stack.run() == ExitCode.FOUND
    assert "inputs.kubeconfig" in capsys.readouterr().out


def test_a_job_that_is_about_to_bring_it_up_brings_up_no_platform(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.config = PLATFORM
    assert stack.run("--without-platform") == ExitCode.FOUND
    assert "review declares a platform: only an administrator brings that up" in capsys.readouterr().out
    assert stack.run() == ExitCode.DONE


UNKNOWN = """[ -e {folder}/made ] || case "$1 $2" in
"stack init") %s ;;
*) echo "error: no stack named 'review' found" >&2; exit 255 ;;
esac
"""
MAKES_IT = UNKNOWN % ": > {folder}/made; exit 0"
ANOTHER_MAKES_IT = UNKNOWN % ": > {folder}/made; echo \"error: stack 'review' already exists\" >&2; exit 255"
REFUSES = UNKNOWN % "echo 'error: AccessDenied' >&2; exit 255"


def test_a_stack_that_nobody_has_made_is_made_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = Stack(tmp_path, monkeypatch, MAKES_IT + PULUMI)
    stack.state = {"version": 3, "deployment": None}
    assert stack.run() == ExitCode.FAILED
    assert "knows no stack review" in capsys.readouterr().err
    assert stack.run("--create", "--without-platform") == ExitCode.DONE
    assert capsys.readouterr().out == "review: this program made all 0 resources of the state\n"
    assert [call for call in stack.pulumi.calls if call.startswith("stack init")] == [
        "stack init review --no-select --non-interactive --color=never"
    ]


def test_a_stack_that_another_job_makes_at_the_same_moment_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = Stack(tmp_path, monkeypatch, ANOTHER_MAKES_IT + PULUMI)
    assert stack.run("--create") == ExitCode.DONE
    assert "this program made all" in capsys.readouterr().out


def test_a_stack_that_cannot_be_made_ends_it_with_pulumi_s_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = Stack(tmp_path, monkeypatch, REFUSES + PULUMI)
    assert stack.run("--create") == ExitCode.FAILED
    assert capsys.readouterr().err == "error: stack init review: error: AccessDenied\n"


def test_a_stack_that_is_there_is_not_made_anew(stack: Stack) -> None:
    assert stack.run("--create") == ExitCode.DONE
    assert not any(call.startswith("stack init") for call in stack.pulumi.calls)
    stack.config = PLATFORM
    assert stack.run("--create", "--without-platform") == ExitCode.FOUND
