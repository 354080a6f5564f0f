"""A command on a terminal of its own, as a person has it: what it prints is awaited, and answers are typed."""

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

DEADLINE_SECONDS = 60.0
LOOK_SECONDS = 0.2
PAUSE_SECONDS = 4.0  # a second Ctrl-C would hit a command that ends already


class Terminal:
    """Use it as a context manager. `text` is all that was printed so far."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._near, far = pty.openpty()
        # The first terminal that a new session's leader opens is the one whose Ctrl-C it gets.
        opening = ["/bin/sh", "-c", 'exec <"$0" >"$0" 2>&1; exec "$@"', os.ttyname(far), *command]
        self.process = subprocess.Popen(opening, cwd=folder, env=dict(environment), start_new_session=True)
        self._far = far  # open until the end, as the other side may not be open yet
        self.text = ""
        self._read_until = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._near)
        if self._far >= 0:
            os.close(self._far)

    def expect(self, words: str, seconds: float = DEADLINE_SECONDS) -> str:
        """Waits for words that were not awaited before; returns what was printed up to them and them."""
        end = time.monotonic() + seconds
        while words not in self.text[self._read_until :]:
            is_over = self.process.poll() is not None  # looked at first: its last words may still be on their way
            came = self._read(min(end, time.monotonic() + LOOK_SECONDS))
            may_come = not is_over and time.monotonic() < end
            assert came or may_come, f"{words!r} never came; it said:\n{self.text[self._read_until :]}"
        start, self._read_until = self._read_until, self.text.index(words, self._read_until) + len(words)
        return self.text[start : self._read_until]

    def answer(self, words: str, answer: str, seconds: float = DEADLINE_SECONDS) -> None:
        """Types a line once it is asked for."""
        self.expect(words, seconds)
        self.type(f"{answer}\n")

    def type(self, keys: str) -> None:
        """Presses keys; "\\x03" is Ctrl-C, "\\x04" the end of the input."""
        os.write(self._near, keys.encode())

    def leave(self, key: str, seconds: float = DEADLINE_SECONDS) -> int:
        """Presses a key until the command ends; returns the exit code.

        Once is not always enough: Python runs no handler between the prompt and the read that follows it.
        """
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            self.type(key)
            pause = time.monotonic() + PAUSE_SECONDS
            while self.process.poll() is None and time.monotonic() < pause:
                self._read(pause)
        return self.end(max(0.0, end - time.monotonic()))

    def end(self, seconds: float = DEADLINE_SECONDS) -> int:
        """Waits for the end; returns the exit code."""
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            self._read(time.monotonic() + 0.05)
        assert self.process.poll() is not None, f"it goes on; it said:\n{self.text[self._read_until :]}"
        while self._read(time.monotonic()):
            pass
        return self.process.returncode

    def _read(self, end: float) -> bool:
        """More of the output; False where there is none until `end`."""
        ready, _, _ = select.select([self._near], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return False
        try:
            new = os.read(self._near, 65536)
        except OSError:  # Linux, once the other side is closed
            return False
        self.text += new.decode(errors="replace").replace("\r\n", "\n")
        return bool(new)
