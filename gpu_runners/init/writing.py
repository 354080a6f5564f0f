"""The stack's file with its secrets: whole, or not at all."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pulumi
import yaml

from config import NAMESPACE, load
from config.credential import SECRET_KEYS
from config.stack import StackConfigError
from gpu_runners.app.kept_key import keep_key
from gpu_runners.arguments import PROJECT_FILE, read_text
from gpu_runners.errors import CommandFailedError, UsageWrongError
from gpu_runners.init.core.stack import Encrypted, Stack, stack_text
from gpu_runners.init.credential import Credential
from gpu_runners.pulumi_command import Answer, Program, PulumiFailedError, stack_file
from gpu_runners.stack_config import set_config
from values.problem import count_of

_CLOUD: Final = "https://"  # Pulumi Cloud, which keeps the key of a stack's secrets itself
_LONGEST_PASSPHRASE: Final = 10_000
_FOLDER_CURE: Final = "name a checkout of gpu-runners that is yours with --folder"
VARIABLES: Final = {"forgeToken": "FORGE_TOKEN", "githubAppPrivateKey": "GITHUB_APP_PRIVATE_KEY"}
_PASSPHRASES: Final = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")


class NotWrittenError(CommandFailedError):
    """Nothing was written."""


@dataclass(frozen=True)
class Place:
    """Where the stack will be: the program's folder, a backend, and whether it has the stack already."""

    program: Program
    backend: str
    has_stack: bool

    @property
    def file(self) -> Path:
        """The stack's file."""
        return stack_file(self.program.folder, self.program.stack)

    def needs_passphrase(self, environment: Mapping[str, str]) -> bool:
        """Whether somebody has to say one. Raises UsageWrongError for one that opens the secrets to everybody."""
        if self.backend.startswith(_CLOUD):
            return False
        name = next((name for name in _PASSPHRASES if name in environment), "")
        if not name:
            return True
        try:
            is_file = name.endswith("_FILE")
            passphrase = read_text(Path(environment[name]), _LONGEST_PASSPHRASE) if is_file else environment[name]
        except ValueError as error:
            raise UsageWrongError(f"{name}: {error}; name a file with the passphrase, or unset it") from None
        if not passphrase.strip():
            cure = "set one, or unset it to be asked"
            raise UsageWrongError(f"{name}: found nothing, so that anybody could open the stack's secrets; {cure}")
        return False


def find_place(folder: Path, stack: str) -> Place:
    """Raises NotWrittenError without a backend, or where the stack runs something already."""
    _check_folder(folder)
    program = Program(folder=folder, stack=stack, config_file=stack_file(folder, stack))
    answer = program.run("whoami", "--verbose", on_stack=False)
    if answer.code != 0:
        cure = (
            "`pulumi login s3://BUCKET`, `pulumi login file://FOLDER` or `pulumi login` for Pulumi Cloud says which one"
        )
        raise NotWrittenError(f"no backend for the state is reached: {_one_line(answer)}; {cure}")
    backend = next((line.partition(":")[2].strip() for line in answer.output.splitlines() if "Backend URL" in line), "")
    stacks = program.stacks()
    if stacks.get(stack):
        raise NotWrittenError(
            f"the stack {stack} is there with {stacks[stack]} resources; nothing was written. Take another name, edit "
            f"{program.config_file.name} by hand, or end it: `pulumi destroy --stack {stack}`"
        )
    return Place(program, backend, stack in stacks)


def check(stack: Stack, folder: Path, credential: Credential | None) -> None:
    """Holds the stack against the one parser of stack files. Raises NotWrittenError with every problem.

    What is wrong with the credential is another's to say: without one, that it is missing.
    """
    schema = yaml.safe_load((folder / PROJECT_FILE).read_text())["config"]
    values: dict[str, Any] = {f"{NAMESPACE}:{key}": entry["default"] for key, entry in schema.items()}
    values |= yaml.safe_load(stack_text(stack))["config"]
    set_config({key: _entry(value) for key, value in values.items()})
    try:
        load(pulumi.Config(NAMESPACE), {VARIABLES[stack.secret]: credential.secret if credential else ""})
    except StackConfigError as error:
        credentials = [f"{NAMESPACE}:{key}" for key in SECRET_KEYS]
        problems = [problem for problem in error.problems if problem.key not in credentials]
        if problems:
            lines = [f"such a stack would have {count_of(problems)}; nothing was written:", *map(str, problems)]
            raise NotWrittenError("\n  ".join(lines)) from error


def write(place: Place, stack: Stack, credential: Credential, variables: Mapping[str, str]) -> None:
    """Makes the stack in the backend and its file in the folder. A signal waits until it is done, or undone.

    Raises NotWrittenError: neither is there, and a key that was made just now lies in a file that the message names.
    """
    with _signals_wait():
        try:
            with tempfile.TemporaryDirectory(prefix=".init-", dir=place.program.folder) as temporary:
                folder = Path(temporary)
                shutil.copy(place.program.folder / PROJECT_FILE, folder)
                file = stack_file(folder, stack.name)
                staged = replace(place.program, folder=folder, config_file=file, variables=dict(variables))
                _write(place, staged, stack, credential)
        except (NotWrittenError, PulumiFailedError, OSError) as error:
            raise NotWrittenError(f"{error}; nothing was written{_kept(place, credential)}") from error


def _write(place: Place, staged: Program, stack: Stack, credential: Credential) -> None:
    if place.has_stack and place.file.is_file():  # its salt opens what the state holds
        shutil.copy(place.file, staged.config_file)
    if not place.has_stack:
        _done(staged.run("stack", "init", stack.name, "--no-select", on_stack=False))
    try:
        if credential.is_there:
            flags = ("--secret", f"{NAMESPACE}:{stack.secret}")
            _done(staged.run("config", "set", *flags, with_config=True, text=credential.secret))
        text = stack_text(stack, _encrypted(staged.config_file, stack, credential))
        whole = staged.folder / "whole"
        whole.write_text(text, encoding="utf-8")
        whole.replace(place.file)
    except BaseException:
        if not place.has_stack:
            staged.run("stack", "rm", stack.name, "--yes", "--preserve-config", on_stack=False)
        raise


def _encrypted(file: Path, stack: Stack, credential: Credential) -> Encrypted:
    document = (yaml.safe_load(file.read_text()) or {}) if file.is_file() else {}
    top = {key: value for key, value in document.items() if isinstance(value, str)}
    if not credential.is_there:
        return Encrypted({}, top)
    return Encrypted({stack.secret: document["config"][f"{NAMESPACE}:{stack.secret}"]["secure"]}, top)


def _check_folder(folder: Path) -> None:
    """Raises NotWrittenError where no stack file of this program may come to lie."""
    try:
        project = yaml.safe_load((folder / PROJECT_FILE).read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise NotWrittenError(
            f"{folder / PROJECT_FILE} cannot be read ({type(error).__name__}); {_FOLDER_CURE}"
        ) from None
    name = project.get("name") if isinstance(project, dict) else None
    if name != NAMESPACE:
        raise NotWrittenError(f"{folder} holds another Pulumi program than {NAMESPACE}; {_FOLDER_CURE}")
    if not os.access(folder, os.W_OK):
        raise NotWrittenError(f"{folder} may not be written by you; {_FOLDER_CURE}")


def _kept(place: Place, credential: Credential) -> str:
    """GitHub gives an App's key once: one that was made just now is not lost."""
    if not credential.install_page:
        return ""
    file = keep_key(place.program.folder, place.program.stack, credential.secret)
    if file is None:
        return f", and there is no room for the key of the new App {credential.app_id}: delete it in the owner's list"
    return f" but the key of the new App, to {file}: go on with --app-id {credential.app_id} --app-key {file}"


def _done(answer: Answer) -> None:
    if answer.code != 0:
        raise NotWrittenError(_one_line(answer))


def _one_line(answer: Answer) -> str:
    return " ".join(answer.complaint.removeprefix("error: ").split())


def _entry(value: object) -> dict[str, Any]:
    return {"objectValue": value} if isinstance(value, dict | list) else {"value": _text(value)}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@contextmanager
def _signals_wait() -> Iterator[None]:
    """What comes in this block is dealt with at its end."""
    came: list[int] = []
    before = {
        number: signal.signal(number, lambda got, _: came.append(got))
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for first in came[:1]:
            signal.raise_signal(first)
