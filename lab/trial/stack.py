"""A Pulumi stack of this repository's program, or another's, driven by the real command line from its folder."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab import paths
from lab.errors import LabError

COMMAND_DEADLINE_SECONDS = 240
PROC = Path("/proc")
END_SECONDS = 15  # for a command that is not wanted any more to end by itself
FLAGS = ("--non-interactive", "--color=never")


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit code, everything it said, and how long it took."""

    code: int
    output: str
    seconds: float

    def succeeded(self) -> "Outcome":
        """This outcome. Raises LabError with the output when the command failed."""
        if self.code != 0:
            raise LabError(f"exit code {self.code} after {self.seconds:.0f} s:\n{self.output}")
        return self


@dataclass(frozen=True)
class Stack:
    """A stack whose config lives outside the repository, since Pulumi writes the salt of its secrets into it."""

    name: str
    folder: Path
    environment: Mapping[str, str]
    program: Path = paths.REPOSITORY

    @classmethod
    def make(
        cls, name: str, config: Mapping[str, Any], folder: Path, environment: Mapping[str, str],
        program: Path = paths.REPOSITORY,
    ) -> "Stack":  # fmt: skip
        """Makes an empty stack in the backend that the environment names. `folder` must exist and be its own."""
        stack = cls(name, folder, environment, program)
        shutil.copy(program / "Pulumi.yaml", folder)
        stack.configure(config)
        stack._run("stack", "init", name, "--no-select", folder=folder).succeeded()
        return stack

    @property
    def config_file(self) -> Path:
        return self.folder / f"Pulumi.{self.name}.yaml"

    def configure(self, config: Mapping[str, Any]) -> None:
        """Replaces the config; takes effect at the next command."""
        before = yaml.safe_load(self.config_file.read_text()) if self.config_file.exists() else {}
        self.config_file.write_text(yaml.safe_dump({**before, "config": dict(config)}))

    def up(self) -> Outcome:
        return self._on_stack("up", "--yes", "--skip-preview")

    def preview(self) -> Outcome:
        """Exit code 0 if and only if the program and the state agree."""
        return self._on_stack("preview", "--expect-no-changes", "--diff")

    def refresh(self) -> Outcome:
        """Exit code 0 if and only if the state and the cluster agree."""
        return self._on_stack("refresh", "--preview-only", "--expect-no-changes", "--diff")

    def destroy(self) -> Outcome:
        return self._on_stack("destroy", "--yes", "--skip-preview")

    def outputs(self) -> Outcome:
        """Everything that the stack tells, secrets in plain text."""
        return self._run("stack", "output", "--json", "--show-secrets", "--stack", self.name)

    def run(self, *arguments: str) -> Outcome:
        """Any other command on the stack."""
        return self._on_stack(*arguments)

    def _on_stack(self, *arguments: str) -> Outcome:
        return self._run(*arguments, "--stack", self.name, "--config-file", str(self.config_file))

    def _run(self, *arguments: str, folder: Path | None = None) -> Outcome:
        started = time.monotonic()
        with subprocess.Popen(
            ["pulumi", *arguments, *FLAGS],
            cwd=folder or self.program,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # a Ctrl-C is for whoever waits here, who may be taking something back with it
        ) as process:
            try:
                output, _ = process.communicate(timeout=COMMAND_DEADLINE_SECONDS)
            except BaseException:
                _end(process)
                raise
        return Outcome(process.returncode, output, time.monotonic() - started)


def _end(process: "subprocess.Popen[str]") -> None:
    """Ends it, asked as a terminal asks; then whatever it started and is still there is killed."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.send_signal(signal.SIGINT)
        process.wait(END_SECONDS)
    for pid in _of_session(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _of_session(leader: int) -> list[int]:
    """Plugins have process groups of their own, and the session of the command that started them."""
    members = []
    for entry in PROC.iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(ProcessLookupError):
                members += [int(entry.name)] if os.getsid(int(entry.name)) == leader else []
    return members
