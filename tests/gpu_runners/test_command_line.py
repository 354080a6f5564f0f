"""The command line as a whole: every command, its help, the flags that all share, and how a mistake ends."""

import argparse
import re
import shlex
from pathlib import Path

import pytest

from gpu_runners import arguments as flags
from gpu_runners.commands import COMMANDS, Command
from gpu_runners.exit_code import ExitCode
from gpu_runners.program import main, parse
from tests.gpu_runners.review.core.recorded import DATA
from tests.gpu_runners.stand_in_pulumi import NO_STACK, StandInPulumi
from tests.program.stack_values import ROOT

ABOUT_A_STACK = ("doctor", "review", "repair", "wait", "unlock", "collect", "plan")
EVERY = pytest.mark.parametrize("name", COMMANDS)
EXAMPLE = re.compile(r"^ {4}(gpu-runners .*)$", re.MULTILINE)


def parser(name: str) -> argparse.ArgumentParser:
    found = flags.parser(name, "", "")
    COMMANDS[name].load().add_arguments(found)
    return found


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a command ended with."""
    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    assert line.startswith("error: ")
    return line


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in COMMANDS)], ids=" ".join)
def test_help_ends_where_the_terminal_ends(
    arguments: list[str], columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(arguments) == ExitCode.DONE
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > columns] == []
    if columns == 200:
        assert max(map(len, lines)) > 80, "the width is used"


@EVERY
def test_every_command_s_help_shows_examples_that_are_understood(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("evidence.json", "report.json", "Pulumi.dev.yaml", "pull/Pulumi.yaml", "main/Pulumi.yaml",
                 "policy/lab.json"):  # fmt: skip
        Path(file).parent.mkdir(exist_ok=True)
        Path(file).write_text("{}")
    examples = EXAMPLE.findall(COMMANDS[name].load().__doc__ or "")
    assert examples
    for example in examples:
        command, _ = parse(shlex.split(example)[1:])
        assert command.name == name


def test_a_wrapped_example_can_be_pasted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    main(["collect", "--help"])
    pasted = capsys.readouterr().out.replace("\\\n", " ")
    found = [shlex.split(example) for example in EXAMPLE.findall(pasted)]
    assert found == [shlex.split(example) for example in EXAMPLE.findall(COMMANDS["collect"].load().__doc__ or "")]


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in COMMANDS)], ids=" ".join)
def test_every_help_has_the_one_table_of_exit_codes(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    main(arguments)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-len(ExitCode) :] == [f"  {int(code):<3}  {code.meaning}" for code in ExitCode]


def test_the_page_of_the_commands_has_that_table_and_every_command() -> None:
    page = (ROOT / "docs/commands.md").read_text()
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", page, re.MULTILINE)
    assert rows == [(str(int(code)), code.meaning) for code in ExitCode]
    assert re.findall(r"^\| `(\w+)", page, re.MULTILINE) == list(COMMANDS)


def test_no_two_exit_codes_are_one() -> None:
    assert len({int(code) for code in ExitCode}) == len(ExitCode.__members__)
    assert ExitCode.USAGE not in (ExitCode.FOUND, ExitCode.FAILED)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "a command is missing; `gpu-runners --help`"),
        (["reveiw", "dev"], "did you mean `review`?"),
        (["--folder", "x"], "is no command"),
        (["review"], "required: STACK"),
        (["review", "dev", "--nonsense"], "unrecognized arguments: --nonsense"),
        (["review", "dev", "--drift"], "unrecognized arguments: --drift"),  # no abbreviations
        (["review", "dev", "prod"], "unrecognized arguments: prod"),
        (["review", "../dev"], "'../dev' is no name of a stack; allowed: letters"),
        (["review", ""], "is no name of a stack"),
        (["review", "a b"], "is no name of a stack"),
        (["unlock", "dev", "--config-file", "/nonexistent"], "/nonexistent does not exist; allowed: a file"),
        (["unlock", "dev", "--config-file", "/"], "/ is a folder; allowed: a file"),
        (["review", "dev", "--policy-pack", "/nonexistent"], "/nonexistent does not exist"),
        (["review", "dev", "--prices", "/nonexistent"], "/nonexistent does not exist"),
        (["render", "/nonexistent"], "/nonexistent does not exist"),
        (["comment", "/dev/null", "--repository", "a/b", "--pull", "seven"], "invalid int value: 'seven'"),
        (["app", "nonsense"], "invalid choice: 'nonsense'"),
        (["collect", "dev"], "required: --to"),
    ],
)
def test_wrong_usage_is_one_line_with_a_cure_and_a_code_of_its_own(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == ExitCode.USAGE
    line = complaint(capsys)
    assert words in line
    assert "--help`" in line


@pytest.mark.parametrize("name", [*ABOUT_A_STACK, "stacks"])
@pytest.mark.parametrize("folder", ["nonexistent", "file", "empty", ""])
def test_a_folder_without_a_program_is_wrong_usage(
    name: str, folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    stack = [] if name == "stacks" else ["dev"]
    more = ["--to", "evidence.json"] if name == "collect" else []
    assert main([name, *stack, *more, "--folder", folder]) == ExitCode.USAGE
    problem = {"nonexistent": "does not exist", "file": "is no folder", "empty": "holds no Pulumi.yaml", "": "an empty"}
    assert problem[folder] in complaint(capsys)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file"]


def test_a_flag_means_the_same_wherever_it_is() -> None:
    meanings: dict[str, set[tuple[object, ...]]] = {}
    for name in COMMANDS:
        for action in parser(name)._actions:
            for word in action.option_strings or [str(action.metavar)]:
                meaning = (action.type, action.metavar, repr(action.default), type(action))
                meanings.setdefault(word, set()).add(meaning)
    assert {"STACK", "FILE", "--folder", "--config-file", "--yes", "--context", "--repository"} <= set(meanings)
    assert {word: meaning for word, meaning in meanings.items() if len(meaning) > 1} == {}


@pytest.mark.parametrize("name", ABOUT_A_STACK)
def test_what_is_about_a_stack_takes_its_name_its_folder_and_its_file(name: str) -> None:
    words = {word for action in parser(name)._actions for word in (*action.option_strings, action.dest)}
    assert {"stack", "--folder", "--config-file"} <= words


def test_without_a_folder_the_nearest_program_upwards_is_meant_and_the_own_checkout_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "program/docs").mkdir(parents=True)
    (tmp_path / "program/Pulumi.yaml").touch()
    for here, meant in (("program/docs", tmp_path / "program"), ("program", tmp_path / "program"), (".", ROOT)):
        monkeypatch.chdir(tmp_path / here)
        assert parse(["stacks"])[1].folder == meant


@pytest.mark.parametrize("name", ABOUT_A_STACK)
def test_a_missing_pulumi_is_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    file = str(tmp_path / "file.json")
    more = {"collect": ["--to", file], "plan": ["--save", file]}.get(name, [])
    assert main([name, "dev", *more, "--folder", str(ROOT)]) == ExitCode.FAILED
    assert "`pulumi` cannot be started: No such file or directory; install it" in complaint(capsys)
    assert not (tmp_path / "evidence.json").exists()


@pytest.mark.parametrize("name", ["repair", "unlock"])
def test_a_stack_that_the_backend_does_not_know_is_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pulumi = StandInPulumi.make(tmp_path, NO_STACK, monkeypatch)
    assert main([name, "dev", "--yes", "--folder", str(pulumi.program)]) == ExitCode.FAILED
    line = complaint(capsys)
    assert "the state backend knows no stack dev; `pulumi stack ls` lists" in line
    assert "`pulumi stack init dev`" in line


@pytest.mark.parametrize("name", ["review", "collect"])
def test_a_stack_that_nobody_knows_is_not_previewed_as_a_new_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pulumi = StandInPulumi.make(tmp_path, NO_STACK, monkeypatch)
    (pulumi.program / "Pulumi.dev.yaml").unlink()
    file = str(tmp_path / "file.json")
    more = {"collect": ["--to", file], "plan": ["--save", file]}.get(name, [])
    assert main([name, "dev", *more, "--folder", str(pulumi.program)]) == ExitCode.FAILED
    assert "the state backend knows no stack dev" in complaint(capsys)
    assert {tuple(call.split()[:2]) for call in pulumi.calls} - {("config", "--json")} == {("stack", "export")}


def test_the_doctor_finds_a_stack_that_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pulumi = StandInPulumi.make(tmp_path, NO_STACK, monkeypatch)
    assert main(["doctor", "dev", "--folder", str(pulumi.program)]) == ExitCode.FOUND
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("failed   config: the state backend knows no stack dev; cure: `pulumi stack init dev`")


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["render", str(DATA / "clean.json"), "--markdown", str(tmp_path / "nowhere/report.md")]) == ExitCode.FAILED
    )
    assert "nowhere/report.md: No such file or directory" in complaint(capsys)


def test_a_command_that_cannot_be_loaded_is_one_line_and_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken_command.py").write_text("import json\nraise RuntimeError('half installed')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(COMMANDS, "broken", Command("broken", "broken_command", "is broken"))
    assert main(["broken", "dev"]) == ExitCode.FAILED
    line = complaint(capsys)
    assert "`broken` cannot be loaded: half installed (RuntimeError in broken_command.py:2)" in line
    assert "pip install --require-hashes -r locks/program.txt" in line
    assert main(["--help"]) == ExitCode.DONE
