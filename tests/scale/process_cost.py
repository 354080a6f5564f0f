"""What a process has cost so far, out of /proc: proc(5)."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ProcessCost:
    """Seconds of a core that it used, seconds for which it was ready and had none, MiB now and at most so far."""

    cpu_seconds: float
    starved_seconds: float
    mebibytes: float
    most_mebibytes: float


def read_cost(pid: int) -> ProcessCost:
    """Of a process that lives."""
    used, starved = 0, 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        running, waiting, _ = (task / "schedstat").read_text().split()
        used, starved = used + int(running), starved + int(waiting)
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = int(fields[11]) + int(fields[12])  # also of threads that have ended
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return ProcessCost(
        cpu_seconds=ticks / os.sysconf("SC_CLK_TCK"), starved_seconds=starved / 1e9,
        mebibytes=_mebibytes(status["VmRSS"]), most_mebibytes=_mebibytes(status["VmHWM"]),
    )  # fmt: skip


def _mebibytes(text: str) -> float:
    return int(text.split(maxsplit=1)[0]) / 1024
