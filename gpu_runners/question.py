"""A question to the person at the terminal."""

import sys

from gpu_runners.output import plain


def ask(question: str) -> str:
    """What was typed, without blanks around it; "" where the input has ended or was closed."""
    try:
        return input(plain(question)).strip()
    except (EOFError, RuntimeError):  # RuntimeError: a shell's `<&-` leaves no input at all
        return ""


def somebody_is_there() -> bool:
    """Whether the input is a terminal."""
    return sys.stdin is not None and sys.stdin.isatty()
