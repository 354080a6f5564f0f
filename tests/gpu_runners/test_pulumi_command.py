"""The one runner of Pulumi's command line: what it calls, and what it makes of the answers."""

import gc
import os
from pathlib import Path

import pytest

from gpu_runners.errors import CommandFailedError
from gpu_runners.pulumi_command import (
    Answer,
    PulumiFailedError,
    StackUnknownError,
    StateForeignError,
    opened,
    stack_file,
)
from tests.gpu_runners.stand_in_pulumi import FREE, NO_STACK, StandInPulumi


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
    script = f"""case "$1" in config) echo '{{}}';; *) echo '{text}';; esac"""
    pulumi = StandInPulumi.make(tmp_path, script, monkeypatch)
    with opened(pulumi.program, "dev", None) as program, pytest.raises(StateForeignError, match="the state of dev"):
        program.export()


@pytest.mark.parametrize("text", ["", "warning: only", "[]", '{"a": ' + "[" * 5000 + "]" * 5000 + "}"])
def test_what_pulumi_prints_and_is_no_config_and_no_state_is_refused(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken for nothing, another stack's objects would be nobody's."""
    gc.collect()  # what other tests left would be finalized in the depth of this one, and fail there
    (tmp_path / "printed").write_text(text)
    pulumi = StandInPulumi.make(tmp_path, f"cat {tmp_path / 'printed'}", monkeypatch)
    with opened(pulumi.program, "dev", None) as program:
        for look in (program.declares_platform, lambda: program.export_of("prod")):
            with pytest.raises(PulumiFailedError, match="no JSON that can be read"):
                look()


def test_pulumis_words_are_repeated_without_the_passwords_of_a_backend() -> None:
    advice = "`pulumi config set --secret forgeToken`"
    words = f"error: could not open postgres://state:hunter2@db/x?sslpassword=hunter3; {advice}"
    complaint = Answer(code=255, output="", errors=words).complaint
    assert "hunter" not in complaint
    assert complaint.endswith(advice)


LIST_HOME = 'cd "$PULUMI_HOME" && for name in *; do test -d "$name/." && echo "$name/" || echo "$name"; done'
LOOKS = [("preview", "--json"), ("refresh", "--preview-only"), ("config", "--json"), ("stack", "ls", "--json")]


def _home_of(
    folder: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], *, is_relative: bool = False
) -> tuple[list[str], Path]:
    """What a command sees in its home, and the user's own, where earlier commands left a log and somebody logged in."""
    own = folder / "own"
    (own / "logs").mkdir(parents=True)
    (own / "credentials.json").write_text("{}")
    pulumi = StandInPulumi.make(folder, f"({LIST_HOME}) >{folder}/home\n{FREE}", monkeypatch)
    monkeypatch.setenv("PULUMI_HOME", os.path.relpath(own, pulumi.program) if is_relative else str(own))
    with opened(pulumi.program, "dev", None) as program:
        program.run(*command)
    return (folder / "home").read_text().split(), own


@pytest.mark.parametrize("command", LOOKS, ids=" ".join)
def test_what_only_looks_leaves_no_log_of_it_and_has_all_else_of_the_users_home(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, own = _home_of(tmp_path, monkeypatch, command)
    assert seen == ["credentials.json", "logs", "plugins/"], "and Pulumi makes no log where `logs` is a file"
    assert list((own / "logs").iterdir()) == []


def test_a_plugin_that_is_fetched_for_a_look_is_there_for_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulumi = StandInPulumi.make(tmp_path, 'touch "$PULUMI_HOME/plugins/kubernetes"', monkeypatch)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "none-yet"))
    with opened(pulumi.program, "dev", None) as program:
        program.run("whoami", on_stack=False)
    assert (tmp_path / "none-yet/plugins/kubernetes").exists()


def test_the_home_is_where_the_command_would_look_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, _ = _home_of(tmp_path, monkeypatch, ("config", "--json"), is_relative=True)
    assert "credentials.json" in seen


def test_what_acts_writes_its_log_where_the_user_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, _ = _home_of(tmp_path, monkeypatch, ("refresh", "--yes"))
    assert seen == ["credentials.json", "logs/", "plugins/"]


def test_a_user_without_a_home_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi = StandInPulumi.make(tmp_path, FREE, monkeypatch)
    for name in ("HOME", "PULUMI_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_294_967_294)  # as in a pod, where no user has this number
    with opened(pulumi.program, "dev", None) as program, pytest.raises(CommandFailedError, match="set PULUMI_HOME"):
        program.stacks()
    assert pulumi.calls == []
