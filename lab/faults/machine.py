"""Parts of the lab that a fault stops, kills and starts again: only what the lab started, and by its own handles."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from lab import containers, control_plane, daemon, dns, gitea, node, s3
from lab.daemon import Daemon
from lab.errors import LabError
from lab.trial.deadline import until
from lab.trial.pods import RunnerPod
from values import contract

PARTS: Final[Mapping[str, Callable[[], Daemon]]] = {
    "etcd": control_plane.etcd,
    "kube-apiserver": lambda: control_plane.api_server(control_plane.authority()),
    "kube-controller-manager": lambda: control_plane.controller_manager(control_plane.authority()),
    "kube-scheduler": control_plane.scheduler,
    "containerd": containers.daemon,
    "kubelet": lambda: node.kubelet(control_plane.authority()),
    "kube-proxy": node.proxy,
    "kube-router": node.firewall,
    "coredns": dns.daemon,
    "gpu-device-plugin": node.gpu_plugin,
    "gitea": gitea.daemon,
    "s3": s3.daemon,
}
TASKS_SECONDS = 30.0


@contextmanager
def stopped(*names: str, kill: bool = False) -> Iterator[None]:
    """Parts that are not there while this lasts: asked to end, or killed. Raises LabError where one did not run."""
    try:
        for name in names:
            (_kill if kill else _stop)(name)
        yield
    finally:
        for name in reversed(names):
            PARTS[name]().start()


def restart(*names: str, kill: bool = False, away: float = 0.0) -> float:
    """Ends parts and starts them again, after so many seconds; returns for how long they were not ready."""
    started = time.monotonic()
    with stopped(*names, kill=kill):
        time.sleep(away)
    return time.monotonic() - started


def missing() -> list[str]:
    """Parts that should run and do not."""
    return [name for name in PARTS if not daemon.is_running(name)]


def make_whole() -> None:
    """Starts what a fault that failed has left stopped."""
    for name in missing():
        PARTS[name]().start()


def signal_runner(pod: RunnerPod, sign: str) -> None:
    """Sends a signal to the first process of a pod's runner container, as the node's administrator."""
    statuses = pod.document["status"].get("containerStatuses", ())
    ids = [s["containerID"] for s in statuses if s["name"] == contract.RUNNER_CONTAINER and s.get("containerID")]
    if not ids:
        raise LabError(f"{pod.name} has no runner container")
    task("kill", "--signal", sign, ids[0].removeprefix("containerd://"))


def task(*arguments: str) -> None:
    """`ctr tasks` in the lab's own containerd. Raises LabError."""
    done = containers.ctr("tasks", *arguments)
    if done.returncode != 0:
        raise LabError(f"ctr tasks {' '.join(arguments)}: {done.stderr.strip()}")


def _stop(name: str) -> None:
    if not daemon.stop(name):
        raise LabError(f"{name} of the lab did not run: `python -m lab status`")


def _kill(name: str) -> None:
    pid = daemon.running_pid(name)
    if pid is None:
        raise LabError(f"{name} of the lab did not run: `python -m lab status`")
    os.kill(pid, signal.SIGKILL)
    until(f"{name} has ended", lambda: not daemon.is_running(name), TASKS_SECONDS)
