"""A process that this program starts: its deadline, and how a signal reaches it.

It runs in a process group of its own: a Ctrl-C in the terminal reaches this program alone, which passes it on once.
Pulumi gives its lock back at the first SIGINT and breaks off at the second.
"""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

END_SECONDS = 30.0  # from SIGINT to SIGKILL


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a process ended: exit code, standard output, standard error."""

    code: int
    output: str
    errors: str


class DeadlinePassedError(Exception):
    """It did not end in time and was ended."""


class Children:
    """The processes that run, started by whatever thread."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._interrupted = False

    def run(
        self, command: Sequence[str], *, folder: Path, environment: Mapping[str, str], deadline_seconds: float
    ) -> Ended:
        """Waits for the end. Raises OSError where it cannot be started, DeadlinePassedError, KeyboardInterrupt."""
        if self._interrupted:
            raise KeyboardInterrupt
        with subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors="replace", process_group=0,
        ) as process:  # fmt: skip
            self._running.add(process)
            try:
                if self._interrupted:  # between the look above and the line above
                    process.send_signal(signal.SIGINT)
                output, errors = process.communicate(timeout=deadline_seconds)
            except subprocess.TimeoutExpired as error:
                process.send_signal(signal.SIGINT)
                _await_end(process)
                raise DeadlinePassedError(f"did not end within {deadline_seconds:g} s") from error
            except KeyboardInterrupt:  # `interrupt` has passed it on
                _await_end(process)
                raise
            finally:
                self._running.discard(process)
        return Ended(code=process.returncode, output=output, errors=errors)

    def interrupt(self) -> None:
        """Sends SIGINT to every one, at the second call SIGKILL, as after END_SECONDS; no other is started any more."""
        if self._interrupted:
            self._kill()
            return
        self._interrupted = True
        for process in tuple(self._running):
            process.send_signal(signal.SIGINT)
        last = threading.Timer(END_SECONDS, self._kill)
        last.daemon = True
        last.start()

    def _kill(self) -> None:
        for process in tuple(self._running):
            _kill_group(process)


def _await_end(process: "subprocess.Popen[str]") -> None:
    """Gives a process that got SIGINT the time to end; then, or at the next Ctrl-C, kills its group."""
    try:
        process.communicate(timeout=END_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        _kill_group(process)
        process.communicate()


def _kill_group(process: "subprocess.Popen[str]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
