"""The changelog can be tagged as it is: its newest heading is this version, and its parts are those of the format."""

import re

import pytest

from gpu_runners.exit_code import ExitCode
from gpu_runners.program import main
from gpu_runners.version import VERSION
from tests.program.stack_values import ROOT

TEXT = (ROOT / "CHANGELOG.md").read_text()
HEADINGS = re.findall(r"^## (.*)$", TEXT, re.MULTILINE)


def test_the_newest_heading_is_this_version() -> None:
    assert re.fullmatch(rf"\[{re.escape(VERSION)}\] - (?:\d{{4}}-\d\d-\d\d|not released yet)", HEADINGS[0])


def test_every_older_heading_has_its_day() -> None:
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", heading) for heading in HEADINGS[1:])


def test_parts_are_called_as_the_format_calls_them() -> None:
    parts = set(re.findall(r"^### (.*)$", TEXT, re.MULTILINE))
    assert parts <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert "<<<<" not in TEXT


def test_one_order_of_an_upgrade_is_named() -> None:
    text = " ".join(TEXT.split()).lower()
    assert "to upgrade, bring up the platform, and then its pools at once" in text
    assert re.findall(r"pools (?:up )?(?:first|, then the platform)", text) == []


def test_the_program_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == ExitCode.DONE
    assert capsys.readouterr().out == f"gpu-runners {VERSION}\n"
