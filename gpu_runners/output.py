"""Lines for a person."""

import contextlib
import os
import sys


def say(line: object) -> None:
    """Prints at once. Goes on in silence where nobody reads any more: what changes something is not cut off by that."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        discard_output()


def discard_output() -> None:
    """From now on nothing is printed: the interpreter would complain about a closed pipe when it ends."""
    with contextlib.suppress(OSError, ValueError):  # a standard output that is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
