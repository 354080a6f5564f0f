"""Lines for a person."""

import contextlib
import os
import sys


def plain(text: object) -> str:
    """Without what moves a terminal's cursor or colours it: a lock, a state and an object are whoever's may write them,
    and Pulumi repeats their words.
    """
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "?" for letter in str(text))


def say(line: object) -> None:
    """Prints at once, as plain text. Goes on in silence where nobody reads any more: what changes something is not cut
    off by that.
    """
    try:
        print(plain(line), flush=True)
    except BrokenPipeError:
        discard_output()


def discard_output() -> None:
    """From now on nothing is printed: the interpreter would complain about a closed pipe when it ends."""
    with contextlib.suppress(OSError, ValueError):  # a standard output that is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
