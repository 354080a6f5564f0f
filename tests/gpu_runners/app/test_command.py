"""The flags of `gpu-runners app`."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from gpu_runners.app.command import github
from gpu_runners.exit_code import ExitCode
from tests.program.stack_values import ROOT


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("https://github.com/", "https://github.com"),
        ("https://github.example.com", "https://github.example.com"),
        ("http://127.0.0.1:3100", "http://127.0.0.1:3100"),
    ],
)
def test_a_github_is_named_by_its_root(text: str, root: str) -> None:
    assert github(text) == root


@pytest.mark.parametrize(
    "text",
    [
        "http://github.com",
        "https://u:hunter2@github.com",
        "https://github.com/mlops",
        "github.com",
        "",
        "https://h?hunter2",
    ],
)
def test_another_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"write e\.g\. https://") as refused:
        github(text)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["organization"], "--organization: missing; an App that is your own account's"),
        (["organization", "--organization", "https://github.com/mlops"], "allowed: its name alone"),
        (["repository", "--organization", "../../login"], "allowed: its name alone"),
        (["wiring", "--organization", "a b"], "allowed: its name alone"),
        (["repository", "--name", "x" * 35], "allowed: a name of at most 34 letters"),
        (["repository", "--name", " "], "allowed: a name of at most 34 letters"),
        (["repository", "--name", "a\nb"], "allowed: a name of at most 34 letters"),
    ],
)
def test_what_github_would_show_a_page_of_nothing_for_is_told_before_one_opens(
    flags: list[str], words: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gpu_runners", "app", *flags, "--to", str(tmp_path / "key.pem")],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert words in done.stderr
    assert not (tmp_path / "key.pem").exists()
