"""Runs Pulumi's command line for one stack, and nothing else."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gpu_runners.review.errors import ReviewError

DEADLINE_SECONDS = 600
_NO_STACK = "no stack named"


class NoStackError(ReviewError):
    """The state backend does not know the stack."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a command said."""

    code: int
    output: str
    errors: str

    def document(self) -> Any:
        """The JSON on its output, None where there is none. Warnings may precede it."""
        start = self.output.find("{")
        try:
            return json.loads(self.output[start:]) if start >= 0 else None
        except ValueError:
            return None

    @property
    def complaint(self) -> str:
        """Its own words, for a person."""
        return (self.errors.strip() or self.output.strip() or f"exit code {self.code}")[-1500:]


@dataclass(frozen=True, kw_only=True)
class Program:
    """A Pulumi program in a folder, with one stack of it."""

    folder: Path
    stack: str
    config_file: Path
    variables: Mapping[str, str] = field(default_factory=dict)  # beside those of this process

    def run(self, *arguments: str, on_stack: bool = True) -> Answer:
        """Runs a command. Raises ReviewError where it cannot be started or does not end."""
        where = ["--stack", self.stack] if on_stack else []
        command = ["pulumi", *arguments, *where, "--non-interactive", "--color=never"]
        try:
            done = subprocess.run(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                timeout=DEADLINE_SECONDS, env={**_environment(), **self.variables},
            )  # fmt: skip
        except FileNotFoundError as error:
            raise ReviewError("pulumi is not on PATH: install it, or source the lab's env.sh") from error
        except subprocess.TimeoutExpired as error:
            raise ReviewError(f"pulumi {arguments[0]} did not end within {DEADLINE_SECONDS} s") from error
        return Answer(code=done.returncode, output=done.stdout, errors=done.stderr)

    def export(self, *, stack: str | None = None, secrets: bool = False) -> list[dict[str, Any]]:
        """The resources of a stack's state. Raises ReviewError; NoStackError where the backend has no such stack."""
        one = self if stack is None else replace(self, stack=stack)
        answer = one.run("stack", "export", *(["--show-secrets"] if secrets else []))
        document = answer.document()
        if answer.code != 0 or document is None:
            kind = NoStackError if _NO_STACK in answer.complaint else ReviewError
            raise kind(f"state of stack {one.stack}: {answer.complaint}")
        resources: list[dict[str, Any]] = (document.get("deployment") or {}).get("resources") or []
        return resources

    def other_stacks(self) -> list[str]:
        """The names of the project's other stacks in this backend. Raises ReviewError."""
        answer = self.run("stack", "ls", "--json", on_stack=False)
        if answer.code != 0:
            raise ReviewError(f"list of stacks: {answer.complaint}")
        start = answer.output.find("[")
        return sorted({one["name"] for one in json.loads(answer.output[start:])} - {self.stack})


@contextmanager
def begun_elsewhere(program: Program) -> Iterator[Program]:
    """The program with its stack, empty, in a backend that ends with this block: nobody else gets to see it."""
    with tempfile.TemporaryDirectory(prefix="review-") as temporary:
        folder = Path(temporary)
        shutil.copy(program.folder / "Pulumi.yaml", folder)  # `stack init` writes a stack file beside it
        new = replace(program, variables={"PULUMI_BACKEND_URL": f"file://{temporary}"})
        made = replace(new, folder=folder).run("stack", "init", program.stack, "--no-select", on_stack=False)
        if made.code != 0:
            raise ReviewError(f"stack init {program.stack}: {made.complaint}")
        yield new


@contextmanager
def opened(folder: Path, stack: str, config_file: Path | None) -> Iterator[Program]:
    """A program whose stack file is a copy: Pulumi writes the salt of the passphrase into it."""
    given = config_file or folder / f"Pulumi.{stack}.yaml"
    with tempfile.TemporaryDirectory(prefix="review-") as temporary:
        copy = Path(temporary) / f"Pulumi.{stack}.yaml"
        if given.is_file():
            shutil.copy(given, copy)
        yield Program(folder=folder, stack=stack, config_file=copy)


def restore_interrupt() -> None:
    """A script's background job ignores SIGINT; Pulumi would inherit that and take 5 s longer to end."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _environment() -> dict[str, str]:
    defaults = {
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_K8S_CLIENT_QPS": "500",
        "PULUMI_K8S_CLIENT_BURST": "1000",
        "PULUMI_DEBUG_COMMANDS": "true",  # for --event-log, the only place where policy violations are data
    }
    return {**defaults, **os.environ}
