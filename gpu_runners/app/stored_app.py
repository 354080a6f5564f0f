"""Writes an App's number and key into a stack's config: both, or neither. The key goes through no list of processes."""

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from gpu_runners.errors import CommandFailedError
from gpu_runners.pulumi_command import Program, PulumiFailedError, stack_file

PRIVATE_KEY: Final = "PrivateKey"


class StackNotReadyError(CommandFailedError):
    """The stack's config takes nothing. No App was made."""


def find_program(folder: Path, stack: str) -> Program:
    """The stack, if its config can be read, before GitHub is asked. Raises StackNotReadyError, PulumiFailedError."""
    program = Program(folder=folder, stack=stack, config_file=stack_file(folder, stack))
    if not program.config_file.is_file():
        raise StackNotReadyError(f"{program.config_file} is not there; `gpu-runners init {stack}` writes it")
    answer = program.run("config", "--json", with_config=True)
    if answer.code != 0:
        words = " ".join(answer.complaint.removeprefix("error: ").split())
        raise StackNotReadyError(f"the config of {stack} cannot be read: {words}; no App was made")
    return program


def put(program: Program, name: str, number: int, key: str) -> None:
    """name: `githubApp` or `githubWiringApp`. Raises CommandFailedError that says where the key is then."""
    try:
        with tempfile.TemporaryDirectory(prefix=".app-", dir=program.folder) as temporary:
            copy = Path(shutil.copy(program.config_file, temporary))
            staged = replace(program, config_file=copy)
            _set(staged, "--path", f"gpu-runners:{name}.appId", str(number))
            _set(staged, "--secret", f"gpu-runners:{name}{PRIVATE_KEY}", text=key)
            copy.replace(program.config_file)
    except (PulumiFailedError, OSError) as error:
        file = program.folder / f"{program.stack.rpartition('/')[2]}.private-key.pem"
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
            opened.write(key)
        cure = (
            f"`pulumi config set --path gpu-runners:{name}.appId {number} --stack {program.stack}`, and "
            f"`pulumi config set --secret {name}{PRIVATE_KEY} --stack {program.stack} < {file}`"
        )
        raise CommandFailedError(f"{error}. The App {number} is made, and its key is in {file}: {cure}") from error


def _set(program: Program, *arguments: str, text: str | None = None) -> None:
    answer = program.run("config", "set", *arguments, with_config=True, text=text)
    if answer.code != 0:
        raise PulumiFailedError(f"`pulumi config set`: {' '.join(answer.complaint.split())}")
