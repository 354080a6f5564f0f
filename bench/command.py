"""Runs the commands that are measured, and sees which processes they start, when, and how long each computes."""

import contextlib
import os
import resource
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lab.errors import LabError

DEADLINE_SECONDS: Final = 420
LOOK_SECONDS: Final = 0.1  # a look costs some milliseconds, as the kernel lists no children
TICKS_PER_SECOND: Final = 100  # USER_HZ, on every Linux
PROGRAM: Final = "program"
NAMELESS: Final = "ended at once"
_TAIL: Final = 3000


@dataclass(frozen=True)
class Ran:
    """How commands went, one after the other: when they began (Unix time), seconds, CPU seconds by process, and when
    each process was seen first (Unix time).
    """

    began: float
    seconds: float
    cpu: Mapping[str, float]
    born: Mapping[str, float]

    @property
    def ended(self) -> float:
        return self.began + self.seconds


def run(commands: Sequence[Sequence[str]], folder: Path, environment: Mapping[str, str]) -> Ran:
    """Runs them in order. Raises LabError with the end of the output of one that fails or takes too long."""
    began, start, before = time.time(), time.monotonic(), _computed()
    watch = _Watch()
    for command in commands:
        process = subprocess.Popen(
            command, cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        with watch.looking_at(process.pid):
            try:
                output, _ = process.communicate(timeout=DEADLINE_SECONDS)
            except subprocess.TimeoutExpired:
                process.terminate()
                output, _ = process.communicate()
                raise LabError(f"{command[0]} took more than {DEADLINE_SECONDS} s:\n{output[-_TAIL:]}") from None
        if process.returncode != 0:
            raise LabError(f"{' '.join(command[:3])} ended with {process.returncode}:\n{output[-_TAIL:]}")
    seconds = time.monotonic() - start
    return Ran(began, seconds, watch.cpu(_computed() - before), watch.born)


@dataclass
class _Watch:
    """The processes below one, by their name."""

    born: dict[str, float] = field(default_factory=dict)
    _seen: dict[int, tuple[str, float]] = field(default_factory=dict)

    def looking_at(self, pid: int) -> "_Looking":
        return _Looking(self, pid)

    def look(self, pid: int) -> None:
        """Notes what the process and those below it have computed so far."""
        now = time.time()
        stats = _stats()
        for number in family(pid, {process: parent_of(stat) for process, stat in stats.items()}):
            try:
                name = process_name(Path(f"/proc/{number}/cmdline").read_bytes())
            except OSError:
                continue
            if not name:  # it is ending
                name = self._seen[number][0] if number in self._seen else NAMELESS
            self._seen[number] = (name, cpu_seconds(stats[number]))
            self.born.setdefault(name, now)

    def cpu(self, computed: float) -> dict[str, float]:
        """By process, and the rest of what all computed, which lay between two looks."""
        by_name: dict[str, float] = {}
        for name, seconds in self._seen.values():
            by_name[name] = by_name.get(name, 0.0) + seconds
        return {**by_name, "between looks": max(0.0, computed - sum(by_name.values()))}


class _Looking:
    """Looks while it is open, in a thread of its own."""

    def __init__(self, watch: _Watch, pid: int) -> None:
        self._watch, self._pid, self._over = watch, pid, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        self._watch.look(self._pid)
        while not self._over.wait(LOOK_SECONDS):
            self._watch.look(self._pid)


def _stats() -> dict[int, str]:
    stats = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):  # it has ended
                stats[int(entry)] = Path(f"/proc/{entry}/stat").read_text()
    return stats


def family(pid: int, parents: Mapping[int, int]) -> list[int]:
    """A process and all below it, of those whose parents are known."""
    members = [pid] if pid in parents else []
    for member in members:
        members += [child for child, parent in parents.items() if parent == member]
    return members


def process_name(cmdline: bytes) -> str:
    """What a process is called in tables: the file that runs, and `program` for the Python of a Pulumi program.

    Nothing for one that is ending.
    """
    words = [word.decode(errors="replace") for word in cmdline.split(b"\0") if word]
    names = [word.rsplit("/", 1)[-1] for word in words]
    if any(name == "pulumi-language-python-exec" for name in names):
        return PROGRAM
    return names[0] if names else ""


def cpu_seconds(stat: str) -> float:
    """User and system time of /proc/PID/stat; the name in it may have spaces and brackets (proc_pid_stat(5))."""
    fields = _after_name(stat)
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def parent_of(stat: str) -> int:
    """The parent in /proc/PID/stat."""
    return int(_after_name(stat)[1])


def _after_name(stat: str) -> list[str]:
    return stat.rsplit(")", 1)[1].split()


def _computed() -> float:
    """CPU seconds of the processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
