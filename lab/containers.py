"""The lab's own containerd: own configuration, content and socket, beside whatever the machine runs."""

import os
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path

from lab import network, paths
from lab.daemon import Daemon, is_running, stop

FOLDER = paths.STATE / "containerd"
SOCKET = FOLDER / "containerd.sock"
NAMESPACE = "k8s.io"
PAUSE_IMAGE = "lab.local/pause:lab"
CTR = ("ctr", "--address", str(SOCKET), "--namespace", NAMESPACE)

_CONFIG = """version = 2
root = "{root}"
state = "{state}"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]
[grpc]
address = "{socket}"
[plugins."io.containerd.internal.v1.opt"]
path = "{folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
# Without CAP_SYS_RESOURCE (a container as the host) a lower oom_score_adj is refused and no sandbox would start.
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{cni}"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
"""


def daemon() -> Daemon:
    """containerd, ready when its socket answers."""
    config = FOLDER / "config.toml"
    text = _CONFIG.format(
        root=paths.CONTAINERD,
        state=FOLDER / "state",
        socket=SOCKET,
        folder=FOLDER,
        pause=PAUSE_IMAGE,
        cni=network.CNI_CONFIG,
    )
    return Daemon("containerd", ["containerd", "--config", str(config)], files={config: text}, ready=_answers)


def _answers() -> bool:
    return SOCKET.exists() and ctr("version").returncode == 0


def ctr(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of ctr in the lab's containerd."""
    return subprocess.run([*CTR, *arguments], capture_output=True, text=True, check=False, timeout=60)


def down() -> None:
    """Ends every container and shim of this containerd, then containerd itself, then its mounts and cgroups."""
    if is_running("containerd"):
        for task in ctr("tasks", "list", "--quiet").stdout.split():
            ctr("tasks", "kill", "--signal", "SIGKILL", "--all", task)
        for task in ctr("tasks", "list", "--quiet").stdout.split():
            ctr("tasks", "delete", "--force", task)
        for container in ctr("containers", "list", "--quiet").stdout.split():
            ctr("containers", "delete", container)
        stop("containerd")
    for pid in shims():
        os.kill(pid, signal.SIGKILL)
    unmount_below(paths.STATE, paths.CONTAINERD)
    _remove_cgroups(("kubepods", NAMESPACE))


def shims() -> Iterable[int]:
    """Process ids of the containers' shims, which outlive containerd."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if command[0].endswith(b"containerd-shim-runc-v2") and str(SOCKET).encode() in command:
            yield int(entry.name)


def unmount_below(*folders: Path) -> None:
    """Unmounts everything under the folders, innermost first."""
    for mount in sorted(mounts_below(*folders), key=len, reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True, timeout=30)


def mounts_below(*folders: Path) -> list[str]:
    """Mount points under the folders."""
    prefixes = tuple(f"{folder}/" for folder in folders)
    lines = Path("/proc/mounts").read_text().splitlines()
    mounts = (line.split()[1].encode().decode("unicode_escape") for line in lines)
    return [mount for mount in mounts if mount.startswith(prefixes)]


def _remove_cgroups(names: Iterable[str]) -> None:
    root = Path("/sys/fs/cgroup")
    for name in names:
        for top in (*root.glob(name), *root.glob(f"*/{name}")):
            for folder, _, _ in os.walk(top, topdown=False):
                _try_rmdir(Path(folder))


def _try_rmdir(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:  # a process that is just ending still sits in it; the next `lab down` gets it
        return
