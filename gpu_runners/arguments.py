"""The flags that mean the same in every command, and what they are checked for before anybody is asked."""

import argparse
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from gpu_runners.errors import UsageWrongError
from gpu_runners.help_text import HelpFormatter
from values.scope import Scope, is_repository

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

PROJECT_FILE: Final = "Pulumi.yaml"
CHECKOUT: Final = Path(__file__).resolve().parents[1]
# Pulumi: letters, digits, hyphens, underscores and periods, at most 100; at Pulumi Cloud an organization and a project
# before it. A hyphen at the beginning would be a flag, a period a way out of the folder.
_PART: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"
STACK_NAME: Final = re.compile(_PART)
_LONGEST_AUTHORITY: Final = 1_000_000  # a store of all public ones is a quarter of that
_STACK: Final = re.compile(rf"(?:{_PART}/){{0,2}}{_PART}")


class Parser(argparse.ArgumentParser):
    """argparse's, whose errors are this program's."""

    def _print_message(self, message: str, file: "SupportsWrite[str] | None" = None) -> None:
        """argparse swallows the error of a closed pipe."""
        print(message, end="", file=file or sys.stderr)

    def error(self, message: str) -> NoReturn:
        """Raises UsageWrongError."""
        raise UsageWrongError(f"{message}; `{self.prog} --help` shows what is allowed, and an example")


def parser(name: str, description: str, epilog: str) -> Parser:
    """An empty one for a command. Flags are not abbreviated: a flag that is added later would change what they mean."""
    return Parser(prog=name, description=description, epilog=epilog, formatter_class=HelpFormatter, allow_abbrev=False)


def add_stack(command: argparse.ArgumentParser) -> None:
    """STACK, --folder and --config-file."""
    command.add_argument("stack", metavar="STACK", type=stack_name, help="the stack's name")
    add_folder(command)
    command.add_argument(
        "--config-file", type=existing_file, metavar="FILE", help="the stack's file (Pulumi.STACK.yaml of the folder)"
    )


def add_folder(command: argparse.ArgumentParser) -> None:
    """--folder, which holds the program."""
    command.add_argument(
        "--folder", type=_folder, metavar="FOLDER",
        help="the Pulumi program (the nearest folder upwards with a Pulumi.yaml, else gpu-runners' own checkout)",
    )  # fmt: skip


def whole_number(text: str, most: int, unit: str = "") -> int:
    """A number from 1 to `most`; the unit is for the message, e.g. ` of seconds`. Raises ArgumentTypeError."""
    if not re.fullmatch(f"[0-9]{{1,{len(str(most))}}}", text, re.ASCII) or not 1 <= int(text) <= most:
        allowed = f"a whole number{unit} from 1 to {most}"
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is none; allowed: {allowed}")
    return int(text)


def add_format(command: argparse.ArgumentParser, *formats: str) -> None:
    """--format, how the answer is printed: the first of these without it."""
    command.add_argument("--format", choices=formats, default="text", help=f"how to print: {', '.join(formats)} (text)")


def add_yes(command: argparse.ArgumentParser, question: str) -> None:
    """--yes, which answers the command's one question."""
    command.add_argument("--yes", action="store_true", help=f"do not ask {question}")


def fill_in(options: argparse.Namespace) -> None:
    """The folder where none was given. Raises UsageWrongError where there is no program."""
    if getattr(options, "folder", CHECKOUT) is None:
        here = Path.cwd()
        holders = [folder for folder in (here, *here.parents, CHECKOUT) if (folder / PROJECT_FILE).is_file()]
        if not holders:
            raise UsageWrongError(f"{here} and the folders above it hold no {PROJECT_FILE}; name one with --folder")
        options.folder = holders[0]


def port(text: str) -> int:
    """A port of this machine; 0 is one that is free."""
    if not re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no port; allowed: a whole number from 0 to 65535")
    return int(text)


def read_text(file: Path, most: int) -> str:
    """A file's text of at most so many letters. Raises ValueError, whose words hold nothing of it."""
    try:
        with file.expanduser().open(encoding="utf-8") as opened:
            text = opened.read(most + 1)
    except (OSError, RuntimeError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text in UTF-8"
        raise ValueError(f"{file}: {why}") from None
    if len(text) > most:
        raise ValueError(f"{file}: longer than {most} letters")
    return text


def authority(text: str) -> str:
    """The PEM of a forge's own CA, out of the file of this name."""
    try:
        pem = read_text(existing_file(text), _LONGEST_AUTHORITY)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if "-----BEGIN CERTIFICATE-----" not in pem:
        raise argparse.ArgumentTypeError(f"{text} holds no certificate; allowed: the PEM of a CA, with its BEGIN line")
    return pem


def existing_file(text: str) -> Path:
    """A file that can be read; a pipe is one."""
    path = Path(text)
    if not text or not path.exists() or path.is_dir():
        problem = "is a folder" if text and path.is_dir() else "does not exist"
        raise argparse.ArgumentTypeError(f"{text or 'an empty name'} {problem}; allowed: a file")
    if not os.access(path, os.R_OK):
        raise argparse.ArgumentTypeError(f"{text} may not be read by you")
    return path


def existing_folder(text: str) -> Path:
    """A folder."""
    path = Path(text)
    if not text or not path.is_dir():
        problem = "is no folder" if text and path.exists() else "does not exist"
        raise argparse.ArgumentTypeError(f"{text or 'an empty name'} {problem}")
    return path


def _folder(text: str) -> Path:
    path = existing_folder(text)
    if not (path / PROJECT_FILE).is_file():
        raise argparse.ArgumentTypeError(f"{text} holds no {PROJECT_FILE}: name the folder of a Pulumi program")
    return path


def stack_name(text: str) -> str:
    """A stack's name."""
    if not _STACK.fullmatch(text):
        allowed = "letters, digits, hyphens, underscores and periods, at most 100"
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a stack; allowed: {allowed}")
    return text


def repository(text: str) -> Scope:
    """The repository that an argument names. Raises argparse.ArgumentTypeError."""
    if not is_repository(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no repository; allowed: OWNER/NAME, e.g. mlops/guide")
    return Scope(text)
