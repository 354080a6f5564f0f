"""Frees a stack whose command was killed, and explains it as it goes.

A stack that somebody works on is left alone: a process of this machine that runs keeps its lock; of one on another
machine you are asked whether it has ended. Then the lock goes, and what was cut off is put in order.

    gpu-runners unlock dev
    gpu-runners unlock dev --yes --config-file Pulumi.dev.yaml
"""

import argparse
import os
import socket
import sys
from pathlib import Path

from gpu_runners.arguments import add_stack, add_yes
from gpu_runners.exit_code import ExitCode
from gpu_runners.output import say
from gpu_runners.pulumi_command import Answer, opened
from gpu_runners.unlock.unlock import Here, unlock

READ_CONFIG = ("refresh",)  # of the commands used here


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    add_stack(parser)
    add_yes(parser, "whether a holder on another machine has ended: it has")


def run(options: argparse.Namespace) -> ExitCode:
    """DONE: the stack is free. Raises UnlockError: it was left as it is."""

    def agrees(question: str) -> bool:
        return options.yes or (sys.stdin.isatty() and input(f"{question} [y/N] ").strip().lower() in ("y", "yes"))

    with opened(options.folder, options.stack, options.config_file) as program:

        def pulumi(*command: str) -> Answer:
            return program.run(*command, with_config=command[0] in READ_CONFIG)

        unlock(options.stack, pulumi, Here(socket.gethostname(), is_running, agrees, say))
    return ExitCode.DONE


def is_running(pid: int) -> bool:
    """Whether this machine has such a process, and it is not one that only waits to be buried."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"
