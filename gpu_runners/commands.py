"""Which commands there are. The module of a command is loaded when it is called, not before.

A module's docstring is the command's help and holds an example (a line with four spaces); the module holds
`add_arguments(parser)` and `run(options)`, which returns the exit code and may raise CommandFailedError, and those
exceptions of rooms below that the module names as its ERRORS: they end it with one line as well.
"""

import argparse
import importlib
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, cast

from gpu_runners.errors import CommandFailedError
from gpu_runners.exit_code import ExitCode


class Module(Protocol):
    """What a command's module holds."""

    __doc__: str | None

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Its flags."""

    def run(self, options: argparse.Namespace) -> ExitCode:
        """Does it."""


@dataclass(frozen=True)
class Command:
    """A word behind `gpu-runners`, the module that does it, and one line about it."""

    name: str
    module: str
    summary: str

    def load(self) -> Module:
        """Raises CommandFailedError where a package is absent or broken."""
        try:
            return cast(Module, importlib.import_module(self.module))
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}"
            cure = "`pip install --require-hashes -r locks/program.txt` in the checkout installs what it needs"
            raise CommandFailedError(f"`{self.name}` cannot be loaded: {error} ({where}); {cure}") from error


PEOPLE: Final = (
    Command("init", "gpu_runners.init.command", "ask what a first stack needs, and write its file"),
    Command("doctor", "gpu_runners.doctor.command", "what a stack lacks before `pulumi up`, and the cure"),
    Command("review", "gpu_runners.review.commands.report", "pending changes and drift of a stack"),
    Command("repair", "gpu_runners.review.commands.repair", "take out and put back what was changed by hand"),
    Command("wait", "gpu_runners.wait.command", "wait until every runner of a stack is online"),
    Command("why", "gpu_runners.why.command", "why a pool or a job does not go on, and the cure"),
    Command("top", "gpu_runners.top.command", "pools, runners, queue, GPUs and the last failures, as they change"),
    Command(
        "usage", "gpu_runners.usage.command", "what the pools were used for: jobs, queue time, GPU-hours, failures"
    ),
    Command("unlock", "gpu_runners.unlock.command", "free a stack whose `pulumi up` was killed"),
    Command("app", "gpu_runners.app.command", "make a GitHub App with exactly the permissions needed"),
)
WORKFLOWS: Final = (
    Command("state", "gpu_runners.state.command", "whether this program made everything in a stack's state"),
    Command("stacks", "gpu_runners.review.commands.stacks", "the stacks of a folder, as a JSON list"),
    Command("collect", "gpu_runners.review.commands.collect", "read everything about a stack into a file"),
    Command("render", "gpu_runners.review.commands.render", "such files as Markdown, JSON and job summary"),
    Command("comment", "gpu_runners.review.commands.comment", "a pull request's one comment about all of its stacks"),
    Command("issue", "gpu_runners.review.commands.issue", "the stack's one issue about drift"),
    Command("plan", "gpu_runners.review.commands.plan", "save what `up` shall do, if it is what was reviewed"),
)
COMMANDS: Final = {command.name: command for command in (*PEOPLE, *WORKFLOWS)}
