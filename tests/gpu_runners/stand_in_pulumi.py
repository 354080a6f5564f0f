"""A `pulumi` on PATH that answers with what the real one was seen to print, or waits until it is interrupted."""

import stat
from dataclasses import dataclass
from pathlib import Path

import pytest

NO_STACK = "echo \"error: no stack named 'dev' found\" >&2; exit 6"
FREE = """case "$1" in stack) echo '{"version": 3, "deployment": {}}';; config) echo '{}';; esac"""


@dataclass(frozen=True)
class StandInPulumi:
    """Its folder, which is first on PATH, and a program with the stack file of `dev`."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> "StandInPulumi":
        """A shell script is run as `pulumi`, with its calls written down."""
        made = cls(folder)
        (folder / "bin").mkdir()
        program = folder / "bin/pulumi"
        program.write_text(f'#!/bin/sh\necho "$@" >> {folder}/calls\n{script}\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        made.program.mkdir()
        (made.program / "Pulumi.yaml").write_text("name: gpu-runners\n")
        (made.program / "Pulumi.dev.yaml").write_text("config: {}\n")
        monkeypatch.setenv("PATH", f"{folder / 'bin'}:/usr/bin:/bin")
        return made

    @property
    def program(self) -> Path:
        return self.folder / "program"

    @property
    def calls(self) -> list[str]:
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []
