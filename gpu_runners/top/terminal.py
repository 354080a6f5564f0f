"""A page in place of the one before, on a terminal, and the keys that end it."""

import os
import select
import shutil
import sys
import termios
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from gpu_runners.output import plain

# A screen of its own, so that what was there before comes back; no cursor meanwhile (ECMA-48, xterm).
_ENTER: Final = "\x1b[?1049h\x1b[?25l"
_LEAVE: Final = "\x1b[?25h\x1b[?1049l"
_HOME: Final = "\x1b[H"
_REST_OF_LINE: Final = "\x1b[K"
_REST_OF_PAGE: Final = "\x1b[J"
_ENDING_KEYS: Final = b"qQ\x1b"


def is_terminal() -> bool:
    """Whether pages can follow each other in place: both ends are a terminal that knows how."""
    has_ends = sys.stdin is not None and sys.stdout is not None and sys.stdin.isatty() and sys.stdout.isatty()
    return has_ends and os.environ.get("TERM", "dumb") not in ("", "dumb")


@contextmanager
def screen() -> Iterator[None]:
    """The terminal as pages need it; as it was before when this ends, however it does."""
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    tty.setcbreak(keyboard)
    try:
        _write(_ENTER)
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
        _write(_LEAVE)


def show(lines: Sequence[str]) -> None:
    """This page, cut to the terminal's size; a last line says what was cut, and how to leave."""
    width, height = shutil.get_terminal_size()
    room = max(1, height - 1)
    cut = len(lines) - room
    shown = [*lines[:room], f"… {cut} more lines; q ends" if cut > 0 else "q ends"]
    text = "\r\n".join(f"{plain(line)[:width]}{_REST_OF_LINE}" for line in shown)
    _write(f"{_HOME}{text}{_REST_OF_PAGE}")


def is_left(seconds: float) -> bool:
    """Waits for so long; whether a key was pressed that ends it."""
    keyboard = sys.stdin.fileno()
    ready, _, _ = select.select([keyboard], [], [], seconds)
    if not ready:
        return False
    keys = os.read(keyboard, 64)
    return not keys or any(key in _ENDING_KEYS for key in keys)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
