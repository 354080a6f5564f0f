"""A page in place of the one before, on a terminal, and the keys that end it."""

import os
import re
import select
import shutil
import sys
import termios
import time
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
_ENDING_KEYS: Final = b"qQ"
# What other keys and the mouse's wheel send, e.g. ESC [ A (ECMA-48); its letters are no keys.
_SEQUENCE: Final = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?", re.DOTALL)


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
    """Waits for so long, or until a key is pressed that ends it, or the keyboard is gone; whether one of these was."""
    keyboard, end = sys.stdin.fileno(), time.monotonic() + seconds
    while select.select([keyboard], [], [], max(0.0, end - time.monotonic()))[0]:
        keys = os.read(keyboard, 1024)
        if not keys or any(key in _ENDING_KEYS for key in _SEQUENCE.sub(b"", keys)):
            return True
    return False


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
