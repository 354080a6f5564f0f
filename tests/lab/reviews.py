"""`gpu-runners review` and `repair` as a person runs it, on a test's stack."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import paths
from lab.trial.deadline import until
from lab.trial.stack import Stack

TOLD_SECONDS = 60


@dataclass(frozen=True)
class Reviews:
    """The command, on one stack."""

    stack: Stack

    def report(self, *options: str, look: str = "--drift-only") -> tuple[int, dict[str, Any]]:
        """Exit code and the JSON report, of the drift alone unless `look` says otherwise."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "report.json"
            code = self._run("review", *filter(None, [look]), "--json", str(file), *options).returncode
            return code, json.loads(file.read_text())

    def until_told(self, runner: str) -> None:
        """Waits until a review tells of a runner of this name: the registrar's list is seconds old at times."""
        until(f"a review tells of runner {runner}", lambda: self.tells(runner), TOLD_SECONDS)

    def tells(self, runner: str) -> bool:
        """Whether a review tells of a runner of this name."""
        return runner in json.dumps(self.report()[1])

    def repair(self, agreed: str = "--yes") -> subprocess.CompletedProcess[str]:
        return self._run("repair", *([agreed] if agreed else []))

    def _run(self, command: str, *options: str) -> subprocess.CompletedProcess[str]:
        arguments = [command, self.stack.name, "--config-file", str(self.stack.config_file), *options]
        return subprocess.run(
            [sys.executable, "-m", "gpu_runners", *arguments],
            cwd=paths.REPOSITORY,
            env={**os.environ, **self.stack.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
