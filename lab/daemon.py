"""One long-running part of the lab: start it, know whether it still is ours, stop it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab import paths
from lab.errors import LabError

START_DEADLINE_SECONDS = 60.0
STOP_DEADLINE_SECONDS = 15.0
POLL_SECONDS = 0.05
MOST_LOG_BYTES = 20 * 2**20
KEPT_LOG_BYTES = 2 * 2**20

# Parts that this very process started; most `lab` commands meet parts that another one started.
_children: dict[int, subprocess.Popen[bytes]] = {}


def _always() -> bool:
    return True


@dataclass(frozen=True)
class Daemon:
    """A program of the lab that runs until `stop`; its output goes to `<logs>/<name>.log`.

    `files` (path to text) are its configuration, written when it is started and at no other time: a description of a
    part changes nothing, and some programs end when their file is touched. `ready` is asked until it is true or the
    deadline (seconds) has passed.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[Path, str] = field(default_factory=dict)
    ready: Callable[[], bool] = _always
    cwd: Path | None = None
    deadline_seconds: float = START_DEADLINE_SECONDS

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return paths.LOGS / f"{self.name}.log"

    def start(self) -> None:
        """Starts it unless it runs, then waits until it is ready. Raises LabError with the log's last lines."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Starts it unless it runs; does not wait, so that several parts can come up side by side."""
        if is_running(self.name):
            return
        paths.LOGS.mkdir(parents=True, exist_ok=True)
        _pid_file(self.name).parent.mkdir(parents=True, exist_ok=True)
        for file, text in self.files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        shorten(self.log)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                list(self.argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.cwd,
                env={**os.environ, **self.env}, start_new_session=True,
            )  # fmt: skip
        _children[process.pid] = process
        _pid_file(self.name).write_text(f"{process.pid} {_started(process.pid)}\n")

    def wait(self) -> None:
        """Waits until it is ready. Raises LabError when it ends before that, or at the deadline."""
        end = time.monotonic() + self.deadline_seconds
        while not self.ready():
            if not is_running(self.name):
                raise LabError(f"{self.name} ended while it was starting:\n{self._tail()}\nWhole log: {self.log}")
            if time.monotonic() > end:
                seconds = f"{self.deadline_seconds:.0f} s"
                raise LabError(f"{self.name} was not ready within {seconds}:\n{self._tail()}\nWhole log: {self.log}")
            time.sleep(POLL_SECONDS)

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-8:])


def shorten(log: Path, most_bytes: int = MOST_LOG_BYTES, kept_bytes: int = KEPT_LOG_BYTES) -> None:
    """Leaves the end of a log that has grown over many lives; nobody writes to it now."""
    if not log.is_file() or log.stat().st_size <= most_bytes:
        return
    with log.open("rb+") as file:
        file.seek(-kept_bytes, os.SEEK_END)
        end = file.read().partition(b"\n")[2]
        file.seek(0)
        file.write(end)
        file.truncate()


def is_running(name: str) -> bool:
    """True while the process that `launch` started is alive; a reused process id does not count."""
    return _pid(name) is not None


def stop(name: str) -> bool:
    """Asks it to end, and ends it at the deadline. False where nothing of ours was running."""
    pid = _pid(name)
    if pid is None:
        _pid_file(name).unlink(missing_ok=True)
        return False
    for sign, seconds in ((signal.SIGTERM, STOP_DEADLINE_SECONDS), (signal.SIGKILL, STOP_DEADLINE_SECONDS)):
        if _signal_and_wait(name, pid, sign, seconds):
            break
    _pid_file(name).unlink(missing_ok=True)
    return True


def running_pid(name: str) -> int | None:
    """Process id of a running part, for `lab status`."""
    return _pid(name)


def known() -> list[str]:
    """Names of all parts that were started and not yet stopped."""
    return sorted(file.stem for file in (paths.STATE / "run").glob("*.pid"))


def _signal_and_wait(name: str, pid: int, sign: signal.Signals, seconds: float) -> bool:
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        return True
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if _pid(name) is None:
            return True
        time.sleep(POLL_SECONDS)
    return False


def _pid(name: str) -> int | None:
    try:
        pid, started = _pid_file(name).read_text().split()
    except (FileNotFoundError, ValueError):
        return None
    _reap(int(pid))
    return int(pid) if started and _started(int(pid)) == started else None


def _reap(pid: int) -> None:
    """A part that this very process started and that ended is a zombie until somebody waits for it."""
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        del _children[pid]


def _pid_file(name: str) -> Path:
    return paths.STATE / "run" / f"{name}.pid"


def _started(pid: int) -> str:
    """The kernel's start time of a process, field 22 of proc(5) stat; empty for one that is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
