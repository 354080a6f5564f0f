"""Frees a stack whose command was killed, and explains it as it goes.

A stack that somebody works on is left alone: a process of this machine that runs keeps its lock; of every other one
you are asked whether it has ended. Then the lock goes, and what was cut off is put in order.

    gpu-runners unlock dev
    gpu-runners unlock dev --yes --config-file Pulumi.dev.yaml
"""

import argparse
import os
import socket
from datetime import datetime
from pathlib import Path
from typing import Final

from gpu_runners.arguments import add_stack, add_yes
from gpu_runners.exit_code import ExitCode
from gpu_runners.output import say
from gpu_runners.pulumi_command import Answer, opened
from gpu_runners.question import ask, somebody_is_there
from gpu_runners.unlock.left_over import Lock
from gpu_runners.unlock.unlock import Here, unlock

_START_FIELD: Final = 18  # of /proc/PID/stat behind the process's state: when it began, in ticks after the machine
_CLOCKS_DIFFER_SECONDS: Final = 5  # the boot time is rounded, and a clock may have been set since
_PULUMI: Final = "pulumi"  # what Linux calls the process of its command line
READ_CONFIG = ("refresh",)  # of the commands used here


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    add_stack(parser)
    add_yes(parser, "whether the holder of the lock has ended: it has")
    parser.add_argument(
        "--own", action="store_true",
        help="only what a process of this machine left, whose name no other machine has; another's lock stays as it is",
    )  # fmt: skip


def run(options: argparse.Namespace) -> ExitCode:
    """DONE: the stack is free. Raises StackNotFreedError: it was left as it is."""

    def agrees(question: str) -> bool:
        return options.yes or (somebody_is_there() and ask(f"{question} [y/N] ").lower() in ("y", "yes"))

    with opened(options.folder, options.stack, options.config_file) as program:

        def pulumi(*command: str) -> Answer:
            return program.run(*command, with_config=command[0] in READ_CONFIG)

        unlock(options.stack, pulumi, Here(socket.gethostname(), holds, agrees, say, own_alone=options.own))
    return ExitCode.DONE


def holds(lock: Lock, processes: Path = Path("/proc")) -> bool:
    """Whether this machine runs the process that made the lock: one of its number that began before the lock was made.

    A number is used again, by then for a process that began later. In doubt it holds: a Pulumi holds whenever it began,
    since a clock that was set ahead meanwhile, as after a virtual machine's pause, makes every process younger.
    """
    try:
        os.kill(lock.pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    try:
        head, _, rest = (processes / str(lock.pid) / "stat").read_text().rpartition(")")
        state, *fields = rest.split()
        booted = _boot_time(processes)
    except (OSError, ValueError):
        return True  # no such file here, as on macOS
    began = booted + int(fields[_START_FIELD]) / os.sysconf("SC_CLK_TCK")
    made = _seconds(lock.time)
    is_pulumi = head.partition("(")[2] == _PULUMI
    return state != "Z" and (is_pulumi or made is None or began <= made + _CLOCKS_DIFFER_SECONDS)


def _boot_time(processes: Path) -> int:
    lines = (processes / "stat").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("btime ")).split()[1])


def _seconds(time: str) -> float | None:
    try:
        return datetime.fromisoformat(time).timestamp()
    except ValueError:
        return None
