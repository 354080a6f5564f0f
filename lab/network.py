"""The lab's network: one bridge for all pods, and nothing left behind when it goes."""

import json
import shutil
import subprocess
from pathlib import Path

from lab import paths

BRIDGE = "lab0"
HOST = "10.85.0.1"
POD_RANGE = "10.85.0.0/16"
SERVICE_RANGE = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"
DNS_SERVICE = "10.96.0.10"
# Fixed, because a bridge otherwise takes the lowest address of its ports: it would change with every pod, and
# connections from other pods would stall until their neighbour entry expires.
BRIDGE_ADDRESS = "02:67:70:75:00:01"

CNI_CONFIG = paths.STATE / "cni"
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
# Pods share a bridge: only with this does what they say to each other pass the rules that enforce NetworkPolicies.
BRIDGE_FILTER = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
BRIDGE_FILTER_MODULE = "br_netfilter"
NAMESPACES = Path("/var/run/netns")
TABLES = ("iptables", "ip6tables")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=30)


def can_filter_bridge() -> bool:
    """True where traffic that stays on a bridge passes iptables, or would once `up` has loaded the kernel's module."""
    if BRIDGE_FILTER.exists():
        return True
    modprobe = shutil.which("modprobe")
    if modprobe is None:
        return False
    asked = [modprobe, "--dry-run", "--quiet", BRIDGE_FILTER_MODULE]
    return subprocess.run(asked, check=False, capture_output=True, timeout=30).returncode == 0


def up() -> None:
    """Makes the bridge, the pod network's configuration, IP forwarding and the bridge's filter. Idempotent."""
    if not Path(f"/sys/class/net/{BRIDGE}").exists():
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("link", "set", BRIDGE, "address", BRIDGE_ADDRESS)
        _ip("address", "add", f"{HOST}/16", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
    if not BRIDGE_FILTER.exists():
        subprocess.run(["modprobe", BRIDGE_FILTER_MODULE], check=True, capture_output=True, timeout=30)
    before = paths.STATE / "ip_forward"
    if not before.exists():
        before.write_text(FORWARDING.read_text())
        (paths.STATE / "netns").write_text("\n".join(_network_namespaces()))
        _mount_namespaces()
    filter_before = paths.STATE / "bridge_filter"
    if not filter_before.exists():
        filter_before.write_text(BRIDGE_FILTER.read_text())
    FORWARDING.write_text("1\n")
    BRIDGE_FILTER.write_text("1\n")
    CNI_CONFIG.mkdir(parents=True, exist_ok=True)
    (CNI_CONFIG / "10-lab.conflist").write_text(json.dumps(_conflist(), indent=1))


def _conflist() -> dict[str, object]:
    ipam = {
        "type": "host-local",
        "ranges": [[{"subnet": POD_RANGE, "rangeStart": "10.85.1.0"}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": str(paths.STATE / "ipam"),
    }
    bridge = {"type": "bridge", "bridge": BRIDGE, "isGateway": True, "hairpinMode": True, "ipam": ipam}
    return {"cniVersion": "1.0.0", "name": "lab", "plugins": [bridge]}


def down() -> None:
    """Takes out the bridge, the pods' network namespaces, the Kubernetes rules and sets, and puts the kernel's
    switches back."""
    before = paths.STATE / "ip_forward"
    if not before.exists():
        return
    for namespace in namespaces_of_pods():
        subprocess.run(["ip", "netns", "delete", namespace], check=False, capture_output=True, timeout=30)
    if (paths.STATE / "netns_mount").exists() and _namespaces_are_mounted():
        subprocess.run(["umount", str(NAMESPACES)], check=False, capture_output=True, timeout=30)
    if Path(f"/sys/class/net/{BRIDGE}").exists():
        _ip("link", "delete", BRIDGE)
    remove_kubernetes_rules_and_sets()
    FORWARDING.write_text(before.read_text())
    filter_before = paths.STATE / "bridge_filter"
    if filter_before.exists():
        BRIDGE_FILTER.write_text(filter_before.read_text())


def _mount_namespaces() -> None:
    """Makes their folder a mount before the first pod has one there, as the first `ip netns add` would.

    Done later, it would cover the namespaces of the pods that run by then, and none of these could be deleted.
    """
    if _namespaces_are_mounted():
        return
    (paths.STATE / "netns_mount").touch()
    for command in ("add", "delete"):
        subprocess.run(["ip", "netns", command, "lab-mount"], check=True, capture_output=True, timeout=30)


def _namespaces_are_mounted() -> bool:
    # A bind mount of the same file system has nothing else that tells it.
    folder = str(NAMESPACES.resolve())
    return any(line.split()[4] == folder for line in Path("/proc/self/mountinfo").read_text().splitlines())


def _network_namespaces() -> list[str]:
    return sorted(entry.name for entry in NAMESPACES.glob("*")) if NAMESPACES.exists() else []


def namespaces_of_pods() -> list[str]:
    """Network namespaces that pods of this lab were given: those that were not there when it came up."""
    before = paths.STATE / "netns"
    kept = set(before.read_text().split()) if before.exists() else set(_network_namespaces())
    return [name for name in _network_namespaces() if name.startswith("cni-") and name not in kept]


def has_kubernetes_rules(command: str) -> bool:
    """True where kubelet, kube-proxy or kube-router left a chain in this table (`iptables` or `ip6tables`)."""
    return "KUBE-" in _saved(command)


def remove_kubernetes_rules_and_sets() -> None:
    """Takes out every chain of a part of Kubernetes, what leads there, and then the sets, which the rules hold."""
    for command in TABLES:
        _remove_kubernetes_rules(command)
    for name in kubernetes_sets():
        subprocess.run(["ipset", "destroy", name], check=False, capture_output=True, timeout=30)


def _remove_kubernetes_rules(command: str) -> None:
    if not has_kubernetes_rules(command):
        return
    subprocess.run(
        [f"{command}-restore"], input=without_kubernetes(_saved(command)), text=True, check=True, timeout=30,
        capture_output=True,
    )  # fmt: skip


def _saved(command: str) -> str:
    saved = subprocess.run([f"{command}-save"], capture_output=True, text=True, check=False, timeout=30)
    return saved.stdout if saved.returncode == 0 else ""


def without_kubernetes(rules: str) -> str:
    """The same iptables-save text without any chain that a part of Kubernetes made, nor a rule that names one."""
    return "".join(line for line in rules.splitlines(keepends=True) if "KUBE-" not in line)


def kubernetes_sets() -> list[str]:
    """The names of the address sets that kube-router's rules refer to."""
    if shutil.which("ipset") is None:
        return []
    listed = subprocess.run(["ipset", "list", "-name"], capture_output=True, text=True, check=False, timeout=30)
    return named_by_kubernetes(listed.stdout)


def named_by_kubernetes(names: str) -> list[str]:
    """Those of the listed sets that kube-router made; sets of IPv6 addresses have the family before their name."""
    return [name for name in names.split() if name.removeprefix("inet6:").startswith("KUBE-")]
