"""A program of its own process, for what its signals do to it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.program.stack_values import ROOT

SECONDS = 20
# Two on a machine with nothing else to do. Nothing of these programs would end in less than a minute.
ENDS_WITHIN_SECONDS = 6
BETWEEN_SECONDS = 0.05  # one signal and the next

Program = subprocess.Popen[str]


@contextmanager
def started_program(code: str) -> Iterator[Program]:
    """It has ended with this block, and within `SECONDS` in any case."""
    command, out = [sys.executable, "-c", code], subprocess.PIPE
    # What it prints waits in its buffer, as for everybody whose output is no terminal.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT, text=True
    ) as process:
        watchdog = threading.Timer(SECONDS, process.kill)
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            process.kill()


def read_until(process: Program, text: str) -> str:
    """The line with that text."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        if text in line:
            return line
        lines.append(line)
    raise AssertionError(f"the program ended without {text!r}: {''.join(lines)}")


def interrupt_until_it_ends(process: Program) -> int:
    """Its exit code. The engine interrupts twice, at no fixed distance; this does it over and over."""
    while True:
        os.kill(process.pid, signal.SIGINT)
        try:
            return process.wait(BETWEEN_SECONDS)
        except subprocess.TimeoutExpired:
            continue
