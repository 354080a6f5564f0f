"""The one runner of Pulumi's command line: what it calls, and what it makes of the answers."""

from pathlib import Path

import pytest

from gpu_runners.pulumi_command import (
    Answer,
    PulumiFailedError,
    StackUnknownError,
    StateForeignError,
    opened,
    stack_file,
)
from tests.gpu_runners.stand_in_pulumi import NO_STACK, StandInPulumi


def test_a_command_names_stack_and_file_and_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi = StandInPulumi.make(tmp_path, "", monkeypatch)
    with opened(pulumi.program, "dev", None) as program:
        program.run("config", "--json", with_config=True)
        file = program.config_file
    assert pulumi.calls == [f"config --json --config-file {file} --stack dev --non-interactive --color=never"]
    assert not file.exists()
    assert file.parent != pulumi.program


def test_the_file_that_is_named_is_read_from_a_pipe_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi = StandInPulumi.make(tmp_path, "", monkeypatch)
    named = tmp_path / "other.yaml"
    named.write_text("config: {a: b}\n")
    with opened(pulumi.program, "dev", named) as program:
        assert program.config_file.read_text() == "config: {a: b}\n"


@pytest.mark.parametrize("stack", ["dev", "acme/dev", "acme/gpu-runners/dev"])
def test_of_a_stack_s_whole_name_the_last_part_names_its_file(stack: str) -> None:
    assert stack_file(Path("folder"), stack) == Path("folder/Pulumi.dev.yaml")


# Seen on the lab, with a key that may only read, before anybody had made a stack there.
EMPTY_BACKEND = """echo 'error: write ".pulumi/meta.yaml": blob (key ".pulumi/meta.yaml") (code=PermissionDenied)' >&2
exit 255"""


@pytest.mark.parametrize("script", [NO_STACK, EMPTY_BACKEND], ids=["no such stack", "no stack at all"])
def test_a_stack_that_is_not_there_is_an_error_of_its_own(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulumi = StandInPulumi.make(tmp_path, script, monkeypatch)
    with (
        opened(pulumi.program, "dev", None) as program,
        pytest.raises(StackUnknownError, match="stack init dev"),
    ):
        program.export()


def test_another_stack_that_a_program_misses_is_not_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi = StandInPulumi.make(tmp_path, NO_STACK, monkeypatch)
    with opened(pulumi.program, "prod", None) as program:
        assert program.run("config").code == 6


@pytest.mark.parametrize("text", ["", "no list", "[1]", "[{}]"])
def test_a_list_of_stacks_that_is_none_is_refused(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi = StandInPulumi.make(tmp_path, f"echo '{text}'", monkeypatch)
    with opened(pulumi.program, "dev", None) as program, pytest.raises(PulumiFailedError, match="list of stacks"):
        program.other_stacks()


@pytest.mark.parametrize("text", ["", "warning: only", "{", "[]"])
def test_an_export_that_is_none_is_refused(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi = StandInPulumi.make(tmp_path, f"echo '{text}'", monkeypatch)
    with opened(pulumi.program, "dev", None) as program, pytest.raises(StateForeignError, match="the state of dev"):
        program.export()


def test_pulumis_words_are_repeated_without_the_passwords_of_a_backend() -> None:
    advice = "`pulumi config set --secret forgeToken`"
    words = f"error: could not open postgres://state:hunter2@db/x?sslpassword=hunter3; {advice}"
    complaint = Answer(code=255, output="", errors=words).complaint
    assert "hunter" not in complaint
    assert complaint.endswith(advice)
