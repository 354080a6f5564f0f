"""What keeps Pulumi from reading a stack file is told with its line and its cure, by every command."""

import sys
from pathlib import Path

import pytest

from gpu_runners.doctor.command import examine
from gpu_runners.pulumi_command import StackFileUnreadableError, is_about_stack_file, opened
from gpu_runners.stack_file import ignored_document, stack_file_problems
from tests.gpu_runners.stand_in_pulumi import FREE, StandInPulumi

FILE = """config:
  gpu-runners:forge: gitea
  gpu-runners:keepFailed: 3
  gpu-runners:pools:
    - name: cuda
      labels: [gpu, big]
      replicas: 1
"""
LAUGHS = "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n" for before, name in zip("abcdef", "bcdefg", strict=True)
)
# A file that Pulumi 3.259 refuses → what is said of it.
REFUSED = {
    "a key twice": (
        f"{FILE}  gpu-runners:forge: github\n",
        "gpu-runners:forge: found it twice, in line 2 and in line 8; allowed: each key once; "
        "cure: remove one of the two lines, with what is below it",
    ),
    "a pool's key twice": (
        f"{FILE}      replicas: 2\n",
        "gpu-runners:pools[0].replicas: found it twice, in line 7 and in line 8",
    ),
    "a tab": (FILE.replace("      replicas", "\t  replicas"), "line 7: found a tab before its first letter"),
    "infinity": (FILE.replace("replicas: 1", "replicas: .inf"), "gpu-runners:pools[0].replicas (line 7): found .inf"),
    "no number": (FILE.replace(" 3", " .NaN"), "gpu-runners:keepFailed (line 3): found .NaN, which is no number"),
    "aliases": (f"a: &a [x, x, x, x, x, x, x, x, x]\n{LAUGHS}{FILE}", "the file: found aliases (*name) that stand for"),
    "an alias of itself": (f"a: &a [*a]\n{FILE}", "the file: found aliases (*name) that stand for"),
    "a control character": (f'{FILE}  gpu-runners:namespace: "a\x07b"\n', "line 8: found the control character U+0007"),
    "a directive": (f"%YAML 1.2\n---\n{FILE}", "line 1: found a directive (%)"),
    "a directive below a comment": (f"# mine\n\n%YAML 1.2\n---\n{FILE}", "line 3: found a directive (%)"),
    "many brackets": (
        f"{FILE}  gpu-runners:x: {'[' * 300}{']' * 300}\n",
        "line 8: found brackets or blanks nested too",
    ),
    "brackets without an end": (f"a: {'[' * 3000}{']' * 3000}\n", "the file: found brackets or blanks nested too deep"),
    "a list": ("- config\n", "the file: found a list; allowed: a mapping with the key config"),
    "a text": ("hello\n", "the file: found a text"),
    "config as a list": ("config: [a]\n", "config: found a list; allowed: a mapping of keys"),
    "a number as a key": (f"{FILE}  1: 2\n", "1 (line 8): found a key that is none; allowed: NAMESPACE:KEY"),
    "a key of three parts": (f"{FILE}  gpu-runners:a:b: 1\n", "gpu-runners:a:b (line 8): found a key that is none"),
    "a list as a key": (
        FILE.replace("replicas:", "? [a]\n      :"),
        "gpu-runners:pools[0] (line 7): found a list as",
    ),
    "an open bracket": (FILE.replace("big]", "big"), "line 6: found a bracket that nothing closes"),
    "a comment in a bracket": (FILE.replace("big]", "#big]"), "line 6: found a bracket that nothing closes"),
    "no colon": (FILE.replace("replicas: 1", "replicas 1"), "line 8: found could not find expected ':'"),
    "secure by hand": (
        f"{FILE}  gpu-runners:forgeToken:\n    secure: hunter2\n",
        "gpu-runners:forgeToken (line 9): found `secure:` before what Pulumi has not encrypted",
    ),
    "a salt by hand": (
        f"encryptionsalt: hunter2\n{FILE}",
        "encryptionsalt (line 1): found what Pulumi has not written",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_each_place_is_named_with_its_line_and_a_cure(case: str) -> None:
    text, expected = REFUSED[case]
    (problem,) = stack_file_problems(text.encode())
    assert str(problem).startswith(expected)
    assert problem.cure
    assert "hunter2" not in str(problem)


def test_a_file_in_another_encoding_is_told() -> None:
    (problem,) = stack_file_problems(FILE.encode().replace(b"cuda", b"\xff\xfe"))
    assert str(problem).startswith("line 5: found a byte that is no UTF-8")


def test_a_file_that_pulumi_reads_has_no_problem() -> None:
    """Anchors and merge keys, numbers of every base, a byte order mark and line ends of Windows are read."""
    secure = "  gpu-runners:forgeToken:\n    secure: v1:AAAAAAAAAAAAAAAA:BBBBBBBBBBBBBBBBBBBBBBBB\n"
    merged = "    - &a {name: a, replicas: 0x2}\n    - {<<: *a, <<: *a, name: '.inf'}\n"
    for text in (FILE, FILE.replace("\n", "\r\n"), f"\ufeff{FILE}", f"{FILE}{merged}{secure}"):
        assert stack_file_problems(text.encode()) == []


@pytest.mark.parametrize(
    ("words", "refused"),
    [
        ("error: getting stack configuration: yaml: unmarshal errors:\n  line 10: mapping key already defined", True),
        ("error: validating stack config: bad value: nonce size is incorrect", True),
        ("error: could not get stack: invalid YAML file: yaml: line 8", True),
        ("error: yaml: unmarshal errors:\n  line 10: mapping key already defined at line 2", True),
        ("error: expected project to be an object, was '[]interface {}'", True),
        ("error: could not decrypt configuration values: bad value", True),
        ("error: could not get stack: found incompatible YAML document", True),
        ("error: no stack named 'dev' found", False),
        ("error: incorrect passphrase", False),
    ],
)
def test_pulumis_words_tell_whether_the_file_is_meant(words: str, refused: bool) -> None:
    assert is_about_stack_file(words) is refused


def test_a_second_document_is_told_that_pulumi_leaves_out_without_a_word() -> None:
    problem = ignored_document(f"---\n{FILE}---\nconfig: {{}}\n".encode())
    assert str(problem).startswith("line 9: found a second document behind ---, which Pulumi leaves out")
    for text in (FILE, f"---\n{FILE}", f"{FILE}...\n", FILE.replace("replicas: 1", "replicas:\t1"), "\t"):
        assert ignored_document(text.encode()) is None


SCRIPT = "echo 'error: getting stack configuration: yaml: line 10: already defined at line 2' >&2; exit 255"


def test_every_command_names_the_place_and_keeps_pulumis_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi = StandInPulumi.make(tmp_path, SCRIPT, monkeypatch)
    (pulumi.program / "Pulumi.dev.yaml").write_text(f"{FILE}  gpu-runners:forge: github\n")
    with opened(pulumi.program, "dev", None) as program, pytest.raises(StackFileUnreadableError) as refused:
        program.run("config", "--json", with_config=True)
    first, second = str(refused.value).splitlines()
    assert first.startswith("Pulumi.dev.yaml: Pulumi cannot read it (getting stack configuration: yaml: line 10")
    assert second.startswith("  gpu-runners:forge: found it twice, in line 2 and in line 8")


def test_without_a_reader_of_yaml_pulumis_own_words_are_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulumi = StandInPulumi.make(tmp_path, SCRIPT, monkeypatch)
    monkeypatch.setitem(sys.modules, "gpu_runners.stack_file", None)
    with opened(pulumi.program, "dev", None) as program:
        answer = program.run("config", "--json", with_config=True)
    assert (answer.code, answer.complaint) == (255, SCRIPT.partition("'")[2].partition("'")[0])


def test_a_second_document_is_told_beside_what_is_wrong_in_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulumi = StandInPulumi.make(tmp_path, FREE, monkeypatch)
    (pulumi.program / "Pulumi.dev.yaml").write_text("config:\n  gpu-runners:forge: github\n---\nconfig: {}\n")
    first, *others = [str(finding) for finding in examine(pulumi.program, "dev", None)]
    assert "a second document behind ---" in first
    assert others


def test_the_doctor_has_a_finding_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi = StandInPulumi.make(tmp_path, SCRIPT, monkeypatch)
    (pulumi.program / "Pulumi.dev.yaml").write_text(f"{FILE}      replicas: .inf\n  gpu-runners:forge: github\n")
    found = [str(finding) for finding in examine(pulumi.program, "dev", None)]
    assert len(found) == 3
    assert all(line.startswith("failed   config: gpu-runners:") and "; cure: " in line for line in found)
