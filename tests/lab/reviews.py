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
from lab.trial.stack import Stack


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
