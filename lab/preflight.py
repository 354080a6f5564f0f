"""What the machine must have before anything is started: asked first, told all at once. Changes nothing."""

import os
import shutil
import socket
import sys

from lab import daemon, network
from lab.errors import LabError

# command or file that proves it → Debian package
PACKAGES = {
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "iptables": "iptables",
    "ipset": "ipset",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "mount": "mount",
    "git": "git",
    "gcc": "gcc",
    "buildah": "buildah",
    "mmdebstrap": "mmdebstrap",
    "ethtool": "ethtool",
    "socat": "socat",
}
PORTS = {
    "etcd": ("127.0.0.1", 2379),
    "kube-apiserver": ("0.0.0.0", 6443),  # noqa: S104  asked, not bound
    "kubelet": ("0.0.0.0", 10250),  # noqa: S104
    "kube-controller-manager": ("127.0.0.1", 10257),
    "kube-scheduler": ("127.0.0.1", 10259),
    "kube-proxy": ("127.0.0.1", 10256),
    "kube-router": ("0.0.0.0", 20244),  # noqa: S104
    "kwok": ("127.0.0.1", 10247),
    "coredns": ("127.0.0.1", 8055),
    "gitea": ("0.0.0.0", 3000),  # noqa: S104
    "s3": ("0.0.0.0", 7070),  # noqa: S104
}


def check_machine() -> None:
    """Raises LabError with every reason why no lab can run here: system, user, ports, bridge filter."""
    problems = []
    if sys.platform != "linux":
        problems.append(f"the lab needs Linux (found {sys.platform}): run it on a Debian or Ubuntu machine or VM")
    elif os.geteuid() != 0:
        problems.append("the lab needs root for containers and a bridge: run the same command with sudo")
    problems += [
        f"port {port} is taken, {name} needs it: find the program with `ss -ltnp sport = :{port}` and end it"
        for name, (host, port) in PORTS.items()
        if not daemon.is_running(name) and _is_taken(host, port)
    ]
    if sys.platform == "linux" and not network.can_filter_bridge():
        problems.append(
            "traffic between pods cannot be filtered, for this kernel has no br_netfilter: "
            "load it on the machine itself with `modprobe br_netfilter`"
        )
    if problems:
        raise LabError("the lab cannot start:\n" + "\n".join(f"  - {problem}" for problem in problems))


def missing_packages() -> list[str]:
    """Debian packages whose command or file is not there."""
    return sorted(
        package
        for proof, package in PACKAGES.items()
        if not (os.path.exists(proof) if proof.startswith("/") else shutil.which(proof))
    )


def _is_taken(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def bridge_is_foreign() -> bool:
    """True where something else already uses the lab's address range."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((network.HOST, 0))
        except OSError:
            return False
    return not os.path.exists(f"/sys/class/net/{network.BRIDGE}")
