"""The doctor's look at other stacks: their files and states are others' words, and odd ones end no check."""

import json
from pathlib import Path
from typing import Any

import pytest

from gpu_runners.doctor.core.findings import Finding
from gpu_runners.doctor.worlds import worlds_of
from tests.access.test_yaml_document import ODD

PULUMI = """#!/bin/sh
case "$*" in
"stack ls"*) echo '[{"name": "dev"}, {"name": "platform"}]' ;;
"stack export"*) cat "$STATE" ;;
*) echo '{}' ;;
esac
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a stand-in for `pulumi`, whose backend holds dev and a platform."""
    (tmp_path / "pulumi").write_text(PULUMI)
    (tmp_path / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("STATE", str(tmp_path / "state"))
    (tmp_path / "state").write_text("{}")
    return tmp_path


def looked(folder: Path) -> list[Finding]:
    return list(worlds_of(folder, "dev", None, has_platform=False))


ODD_FILES = [*(text for text in ODD if text.isascii()), "5", "x", "[a]"]


@pytest.mark.parametrize("text", [*ODD_FILES, *(f"config: {text}" for text in ODD_FILES), "encryptionsalt: [1]"])
def test_an_odd_stack_file_ends_no_check(folder: Path, text: str) -> None:
    (folder / "Pulumi.platform.yaml").write_text(text)
    assert looked(folder)


def test_a_stack_file_with_a_platform_is_seen_beside_an_odd_one(folder: Path) -> None:
    (folder / "Pulumi.odd.yaml").write_text("config: 2001-99-99")
    (folder / "Pulumi.platform.yaml").write_text("config: {gpu-runners:platform: {scope: x}}")
    (finding,) = looked(folder)
    assert "platform has the platform" in finding.found


STATES: list[Any] = [
    [],
    5,
    {"deployment": []},
    {"deployment": {"secrets_providers": []}},
    {"deployment": {"secrets_providers": {"type": "passphrase", "state": "v1:x"}}},
    {"deployment": {"secrets_providers": {"type": "passphrase", "state": {"salt": [1]}}}},
    {"deployment": {"resources": {"a": 1}}},
    {"deployment": {"resources": [None, 5, "x", []]}},
    {"deployment": {"resources": [{"type": []}]}},
]


@pytest.mark.parametrize("state", [*map(json.dumps, STATES), "no JSON", '{"deployment": ' + "[" * 5000, ""])
def test_an_odd_state_ends_no_check(folder: Path, state: str) -> None:
    (folder / "state").write_text(state)
    assert looked(folder)
