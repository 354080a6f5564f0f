"""Writes an App's number and key into a stack's config: both, or neither. The key goes through no list of processes."""

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from gpu_runners.app.kept_key import keep_key
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
    if not os.access(program.folder, os.W_OK):
        raise StackNotReadyError(
            f"{program.folder} may not be written by you, and the key has to go there; no App was made"
        )
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
        file = keep_key(program.folder, program.stack.rpartition("/")[2], key)
        if file is None:
            cure = "there is no room for its key: delete the App in the owner's list of Apps, and run this again"
            raise CommandFailedError(f"{error}. The App {number} is made, and {cure}") from error
        cure = (
            f"`pulumi config set --path gpu-runners:{name}.appId {number} --stack {program.stack}`, and "
            f"`pulumi config set --secret {name}{PRIVATE_KEY} --stack {program.stack} < {file}`"
        )
        raise CommandFailedError(f"{error}. The App {number} is made, and its key is in {file}: {cure}") from error


def _set(program: Program, *arguments: str, text: str | None = None) -> None:
    answer = program.run("config", "set", *arguments, with_config=True, text=text)
    if answer.code != 0:
        raise PulumiFailedError(f"`pulumi config set`: {' '.join(answer.complaint.split())}")
