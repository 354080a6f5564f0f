"""`python -m gpu_runners.unlock STACK`: frees a stack whose command was killed. Exit codes: 0 free, 1 left as it is."""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gpu_runners.unlock.unlock import Ended, Here, UnlockError, unlock

DEADLINE_SECONDS = 600
READ_CONFIG = ("refresh",)  # of the commands used here


def main(arguments: list[str]) -> int:
    """Runs the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m gpu_runners.unlock", description=__doc__)
    parser.add_argument("stack", help="the stack's name")
    parser.add_argument("--yes", action="store_true", help="a holder on another machine has ended: do not ask")
    parser.add_argument("--cwd", type=Path, default=Path(), help="the program's folder")
    chosen = parser.parse_args(arguments)

    def agrees(question: str) -> bool:
        return chosen.yes or (sys.stdin.isatty() and input(f"{question} [y/N] ").strip().lower() in ("y", "yes"))

    here = Here(socket.gethostname(), is_running, agrees, lambda line: print(line, flush=True))
    try:
        with stack_file(chosen.cwd, chosen.stack) as file:

            def pulumi(*command: str) -> Ended:
                config = ["--config-file", str(file)] if command[0] in READ_CONFIG else []
                return run(chosen.cwd, *command, *config, "--stack", chosen.stack)

            unlock(chosen.stack, pulumi, here)
    except UnlockError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def stack_file(folder: Path, stack: str) -> Iterator[Path]:
    """A copy of the stack's file: Pulumi writes into the one that it is given, and nobody's checkout should change."""
    given = folder / f"Pulumi.{stack}.yaml"
    with tempfile.TemporaryDirectory(prefix="unlock-") as temporary:
        copy = Path(temporary) / given.name
        if given.is_file():
            shutil.copy(given, copy)
        yield copy


def run(folder: Path, *arguments: str) -> Ended:
    """One Pulumi command in a program's folder."""
    done = subprocess.run(
        ["pulumi", *arguments, "--non-interactive", "--color=never"],
        cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=DEADLINE_SECONDS,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stdout + done.stderr)


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
