"""The command line: finds the command, runs it, and turns errors and signals into one line and an exit code."""

import difflib
import os
import shutil
import signal
import sys
import threading
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NoReturn

from gpu_runners import arguments as flags
from gpu_runners.commands import COMMANDS, PEOPLE, WORKFLOWS, Command
from gpu_runners.errors import CommandFailedError, UsageWrongError
from gpu_runners.exit_code import ExitCode, table
from gpu_runners.help_text import fill
from gpu_runners.output import discard_output, plain
from gpu_runners.pulumi_command import CHILDREN
from gpu_runners.version import VERSION

NAME: Final = "gpu-runners"
EXIT_CODES: Final = f"exit codes:\n{table()}"
_HELP: Final = ("-h", "--help")
_VERSION: Final = ("-V", "--version")
_SIGNALS: Final = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}


class StoppedError(KeyboardInterrupt):
    """A signal asked this program to end; the processes that it started have got it too."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = signal.Signals(number)


def main(arguments: Sequence[str]) -> int:
    """Runs one command; returns the exit code."""
    try:
        with _signals():
            code = _run(arguments)
            if sys.stdout is not None:  # a shell's `>&-` leaves none
                sys.stdout.flush()
    except CommandFailedError as error:
        _complain(error)
        code = error.exit_code
    except KeyboardInterrupt as error:
        number = error.number if isinstance(error, StoppedError) else signal.SIGINT
        _complain(f"ended by {number.name}; what was done until then stays done")
        code = _SIGNALS[number]
    except BrokenPipeError:
        discard_output()
        code = ExitCode.PIPE_CLOSED
    except OSError as error:  # a file that cannot be read or written
        _complain(f"{error.filename}: {error.strerror}" if error.filename else error)
        code = ExitCode.FAILED
    return int(code)


def parse(arguments: Sequence[str]) -> tuple[Command, Namespace]:
    """The command and its options. Raises UsageWrongError, CommandFailedError, SystemExit (0) after its help."""
    name, *rest = arguments
    command = COMMANDS.get(name)
    if command is None:
        close = difflib.get_close_matches(name, COMMANDS, 1)
        hint = f"did you mean `{close[0]}`? " if close else ""
        raise UsageWrongError(f"{name!r} is no command; {hint}`{NAME} --help` lists them")
    module = command.load()
    parser = flags.parser(f"{NAME} {name}", module.__doc__ or "", EXIT_CODES)
    module.add_arguments(parser)
    options = parser.parse_args(rest)
    flags.fill_in(options)
    return command, options


def _run(arguments: Sequence[str]) -> ExitCode:
    if not arguments:
        raise UsageWrongError(f"a command is missing; `{NAME} --help` lists them")
    if arguments[0] in _HELP:
        print(overview(shutil.get_terminal_size().columns - 2))
        return ExitCode.DONE
    if arguments[0] in _VERSION:
        print(f"{NAME} {VERSION}")
        return ExitCode.DONE
    try:
        command, options = parse(arguments)
    except SystemExit:  # argparse has printed the help
        return ExitCode.DONE
    module = command.load()
    try:
        return module.run(options)
    except getattr(module, "ERRORS", ()) as error:
        raise CommandFailedError(str(error)) from error


def overview(width: int) -> str:
    """The help that names every command."""
    parts = (
        f"usage: {NAME} COMMAND [ARGUMENT ...]",
        "What people and workflows run beside `pulumi up`. "
        f"`{NAME} COMMAND --help` tells about a command and shows an example.",
        f"for people:\n{_lines(PEOPLE)}",
        f"in workflows, and in a review's parts:\n{_lines(WORKFLOWS)}",
        EXIT_CODES,
    )
    return fill("\n\n".join(parts), width)


def _lines(commands: Iterable[Command]) -> str:
    return "\n".join(f"  {command.name:<7}  {command.summary}" for command in commands)


@contextmanager
def _signals() -> Iterator[None]:
    """A signal reaches the processes that were started and ends this one. Background jobs of scripts ignore SIGINT
    and would pass that on; Pulumi takes 5 s longer to end then."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _stop) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, _: object) -> NoReturn:
    CHILDREN.interrupt()
    raise StoppedError(number)


def _complain(message: object) -> None:
    try:
        print(plain(f"error: {message}"), file=sys.stderr, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
