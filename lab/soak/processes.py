"""Memory and descriptors of a registrar, from the kernel: its container is a process of this machine."""

import contextlib
from pathlib import Path
from typing import Final

from lab import containers
from lab.soak.record import Process
from lab.trial.kubernetes import Json

PROC: Final = Path("/proc")
LIFE: Final = 12  # letters of a container's id, as people write it


class Processes:
    """Remembers which process a container is: containerd may be away when the next sample is due."""

    def __init__(self) -> None:
        self._pids: dict[str, int] = {}

    def of(self, pods: list[Json]) -> tuple[Process, ...]:
        """Those of the running containers of these pods that can be read now."""
        ids = [number for pod in pods for number in running(pod)]
        if not set(ids) <= self._pids.keys():
            self._pids |= tasks(containers.ctr("tasks", "list").stdout)
        read = (measured(number, self._pids[number]) for number in ids if number in self._pids)
        return tuple(process for process in read if process is not None)


def running(pod: Json) -> list[str]:
    """The ids of a pod's containers that run."""
    statuses = pod["status"].get("containerStatuses", ())
    return [str(it["containerID"]).removeprefix("containerd://") for it in statuses if "running" in it["state"]]


def tasks(listed: str) -> dict[str, int]:
    """Container → process id, from `ctr tasks list`: a heading, then id, process and status of each."""
    rows = (line.split() for line in listed.splitlines()[1:])
    return {row[0]: int(row[1]) for row in rows if len(row) == 3 and row[2] == "RUNNING"}


def measured(container: str, pid: int, proc: Path = PROC) -> Process | None:
    """What the kernel says of a process, None where it is gone."""
    with contextlib.suppress(OSError, StopIteration):
        status = (proc / str(pid) / "status").read_text().splitlines()
        kib = next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
        return Process(container[:LIFE], kib, sum(1 for _ in (proc / str(pid) / "fd").iterdir()))
    return None
