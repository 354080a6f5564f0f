"""What of the lab is still on the machine: asked after `lab down`, which promises that nothing is. Reads only."""

from pathlib import Path

from lab import containers, daemon, network, node, outside, paths


def find() -> list[str]:
    """One line for each process, mount, interface, namespace, rule or address set of ours; empty after `down`."""
    processes = [
        f"process {name} (pid {daemon.running_pid(name)})" for name in daemon.known() if daemon.is_running(name)
    ]
    shims = [f"container shim (pid {pid})" for pid in containers.shims()]
    mounts = [f"mount {mount}" for mount in containers.mounts_below(paths.STATE, paths.CONTAINERD, *node.FIXED_FOLDERS)]
    bridge = [f"interface {network.BRIDGE}"] if Path(f"/sys/class/net/{network.BRIDGE}").exists() else []
    namespaces = [f"network namespace {name}" for name in network.namespaces_of_pods()]
    namespaces += [f"network namespace {outside.NAMESPACE}"] if outside.is_there() else []
    rules = [f"{command} rules of Kubernetes" for command in network.TABLES if network.has_kubernetes_rules(command)]
    sets = [f"address set {name}" for name in network.kubernetes_sets()]
    return [*processes, *shims, *mounts, *bridge, *namespaces, *rules, *sets]
