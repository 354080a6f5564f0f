"""Pulumi and the review as the demo runs them: on its own stack, in a state backend that lasts as long as the demo."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpu_runners.exit_code import ExitCode
from lab import gitea, paths
from lab.errors import LabError
from lab.review_demo.forge_page import ForgePage
from lab.review_demo.scene import PRICES, REPOSITORY, STACK, Config, text

DEADLINE_SECONDS = 300


@dataclass(frozen=True)
class Commands:
    """Runs in this checkout, with stack files in a folder of their own."""

    folder: Path
    environment: Mapping[str, str]

    @classmethod
    def make(cls, folder: Path, environment: Mapping[str, str]) -> "Commands":
        """With a fresh backend. Raises LabError."""
        state = folder / "state"
        state.mkdir()
        backend = {"PULUMI_BACKEND_URL": f"file://{state}", "GITHUB_TOKEN": environment["FORGE_TOKEN"]}
        commands = cls(folder, {**environment, **backend})
        (folder / "prices.json").write_text(json.dumps(PRICES))
        (folder / "Pulumi.yaml").write_text((paths.REPOSITORY / "Pulumi.yaml").read_text())
        commands._run(["pulumi", "stack", "init", STACK, "--no-select", "--non-interactive"], folder=folder)
        return commands

    def configure(self, config: Config) -> Path:
        """Writes the stack file, as a checkout of the branch would."""
        file = self.folder / f"Pulumi.{STACK}.yaml"
        salt = [
            line for line in (file.read_text() if file.exists() else "").splitlines() if line.startswith("encryption")
        ]
        file.write_text("\n".join([text(config), *salt]))
        return file

    def up(self, *options: str) -> None:
        """Raises LabError with Pulumi's words."""
        self._run(["pulumi", "up", "--yes", "--skip-preview", *options, *self._stack("--stack"), "--non-interactive"])

    def destroy(self) -> None:
        self._run(["pulumi", "destroy", "--yes", "--skip-preview", *self._stack("--stack"), "--non-interactive"])

    def comment(self, page: ForgePage, base: Config) -> str:
        """Reviews the stack, writes the comment; base is what the pull request would change. Returns the verdict."""
        evidence, report = self.folder / "evidence.json", self.folder / "report.json"
        prices = ["--prices", str(self.folder / "prices.json")]
        self._review("collect", *self._stack(), "--to", str(evidence), *prices)
        self._review(
            "render", str(evidence), "--markdown", str(self.folder / "text"), "--json", str(report), found=True
        )
        # An administrator's comment: the stack has a platform, which no workflow may preview.
        self._review(
            "comment", str(report), "--repository", REPOSITORY, "--pull", str(page.number), "--with-platform",
            "--folder", str(self.folder), "--base", str(self._base(base)), "--commit", page.commit,
            "--run", f"{gitea.URL}/{REPOSITORY}/actions", found=True,
        )  # fmt: skip
        document: dict[str, Any] = json.loads(report.read_text())
        return str(document["verdict"])

    def _base(self, config: Config) -> Path:
        """A folder as a checkout of the pull request's base would be."""
        base = self.folder / "base"
        base.mkdir(exist_ok=True)
        (base / "Pulumi.yaml").write_text((paths.REPOSITORY / "Pulumi.yaml").read_text())
        (base / f"Pulumi.{STACK}.yaml").write_text(text(config))
        return base

    def repair(self) -> str:
        """What `make repair` does, agreed to. Returns what it says."""
        return self._review("repair", *self._stack(), "--yes")

    def _stack(self, flag: str = "") -> list[str]:
        return [*([flag] if flag else []), STACK, "--config-file", str(self.folder / f"Pulumi.{STACK}.yaml")]

    def _review(self, *arguments: str, found: bool = False) -> str:
        return self._run(
            [sys.executable, "-m", "gpu_runners", *arguments], allowed=(0, ExitCode.FOUND) if found else (0,)
        )

    def _run(self, command: list[str], *, folder: Path = paths.REPOSITORY, allowed: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            command, cwd=folder, env=dict(self.environment), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False, timeout=DEADLINE_SECONDS,
        )  # fmt: skip
        if done.returncode not in allowed:
            raise LabError(f"{' '.join(command[:3])}: {(done.stdout + done.stderr).strip()[-2000:]}")
        return done.stdout
