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
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

END_SECONDS = 30.0  # from SIGINT to SIGKILL
LOOK_SECONDS = 0.2  # between two looks for a signal


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a process ended: exit code, standard output, standard error."""

    code: int
    output: str
    errors: str


class DeadlinePassedError(Exception):
    """It did not end in time and was ended."""


class Children:
    """The processes that run, started by whatever thread.

    Each is started and awaited in a thread of its own: Python runs a signal's handler in the main thread, and what it
    raises there would break off the start of a process that nobody would know of.
    """

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._interrupted = False
        self._lock = threading.RLock()  # a second signal may come while the first one's handler holds it

    def run(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        deadline_seconds: float,
        text: str | None = None,
        log: Path | None = None,
    ) -> Ended:
        """Waits for the end; text is its standard input, which is empty without one.

        With a log it prints into that file, all of it: into a pipe whose reader is dead it would die at the next word,
        with whatever it still had to give back.

        Raises OSError where it cannot be started, DeadlinePassedError, KeyboardInterrupt.
        """
        with ThreadPoolExecutor(1, thread_name_prefix=command[0]) as thread:  # at its end the process has ended
            running = partial(self._run, command, folder=folder, environment=environment, text=text, log=log)
            end = thread.submit(running, deadline_seconds=deadline_seconds)
            # Python runs a signal's handler before it waits or when the signal wakes it: one that comes just between
            # the two would be forgotten until the process ends by itself.
            while not wait([end], LOOK_SECONDS).done:
                pass
            return end.result()

    def _run(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        deadline_seconds: float,
        text: str | None,
        log: Path | None,
    ) -> Ended:
        with ExitStack() as ending:
            printed = ending.enter_context(log.open("w")) if log else subprocess.PIPE
            with self._lock:
                if self._interrupted:
                    raise KeyboardInterrupt
                process = ending.enter_context(
                    subprocess.Popen(
                        command, cwd=folder, env=environment, stdout=printed, stderr=printed,
                        stdin=subprocess.DEVNULL if text is None else subprocess.PIPE,
                        text=True, errors="replace", process_group=0,
                    )
                )  # fmt: skip
                self._running.add(process)
            try:
                output, errors = process.communicate(text, timeout=deadline_seconds)
            except subprocess.TimeoutExpired as error:
                self._end(process)
                raise DeadlinePassedError(f"did not end within {deadline_seconds:g} s") from error
            finally:
                self._running.discard(process)
        if log:
            output, errors = log.read_text(errors="replace"), ""
        return Ended(code=process.returncode, output=output, errors=errors)

    def interrupt(self) -> None:
        """Sends SIGINT to every one, at the second call SIGKILL, as after END_SECONDS; no other is started any more."""
        with self._lock:
            if self._interrupted:
                self.kill()
                return
            self._interrupted = True
            for process in tuple(self._running):
                process.send_signal(signal.SIGINT)
        last = threading.Timer(END_SECONDS, self.kill)
        last.daemon = True
        last.start()

    def kill(self) -> None:
        """Ends every one at once, with all that it started: for those that only look. No other is started any more."""
        with self._lock:
            self._interrupted = True
            for process in tuple(self._running):
                _kill_group(process)

    def _end(self, process: "subprocess.Popen[str]") -> None:
        """Interrupts a process, unless a signal did so already; gives it the time to end, then kills its group."""
        with self._lock:
            if not self._interrupted:
                process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            _kill_group(process)
            process.communicate()


def _kill_group(process: "subprocess.Popen[str]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
