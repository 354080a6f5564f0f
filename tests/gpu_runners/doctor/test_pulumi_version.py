"""An older Pulumi than any that was tried is told, and no other."""

from pathlib import Path

import pytest

from gpu_runners.doctor.core.findings import Finding, State
from gpu_runners.doctor.pulumi_version import OLDEST, pulumi_version
from gpu_runners.pulumi_command import Program
from tests.program.stack_values import ROOT


def told(folder: Path, monkeypatch: pytest.MonkeyPatch, says: str) -> list[Finding]:
    pulumi = folder / "pulumi"
    pulumi.write_text(f"#!/bin/sh\necho '{says}'\n")
    pulumi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return list(pulumi_version(Program(folder=folder, stack="dev", config_file=folder / "Pulumi.dev.yaml")))


@pytest.mark.parametrize("says", ["v3.258.9", "3.99.0", "v2.400.1", "v3.100.0-alpha+dirty"])
def test_an_older_one_is_unknown_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str) -> None:
    (finding,) = told(tmp_path, monkeypatch, says)
    assert finding.state is State.UNKNOWN
    assert f"it is {says}, and none before 3.259 was tried" in finding.found
    assert "install 3.259 or newer" in finding.cure


@pytest.mark.parametrize("says", ["v3.259.0", "v3.1000.0", "v4.0.0", "", "unknown", "v3"])
def test_a_newer_one_and_one_that_tells_nothing_are_no_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str
) -> None:
    assert told(tmp_path, monkeypatch, says) == []


def test_the_readme_asks_for_the_same() -> None:
    assert f"Pulumi {'.'.join(map(str, OLDEST))} or newer" in (ROOT / "README.md").read_text()
