"""The lab as a whole, in the order in which its parts need each other: up, down and what runs."""

import contextlib
import fcntl
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lab import (
    build,
    containers,
    control_plane,
    daemon,
    dns,
    environment,
    fake_nodes,
    gitea,
    images,
    network,
    node,
    outdated,
    outside,
    packages,
    paths,
    postgresql,
    preflight,
    remains,
    repositories,
    s3,
)
from lab.build import Say
from lab.daemon import Daemon
from lab.errors import LabError
from lab.github import daemon as github

NODE_DEADLINE_SECONDS = 60.0
# Last to first: what is above needs what is below until it has ended.
STOP_ORDER = (
    "kwok", "gpu-device-plugin", "kubelet", "kube-router", "kube-proxy", "coredns", "gitea", "s3",
    "kube-scheduler", "kube-controller-manager", "containerd", "kube-apiserver", "etcd",
)  # fmt: skip

# Parts that no `up` starts, but whoever needs them.
ON_REQUEST = {github.NAME: github.daemon, postgresql.NAME: postgresql.daemon, outside.NAME: outside.daemon}


@dataclass(frozen=True)
class Part:
    """One line of `lab status`."""

    name: str
    pid: int | None
    ready: bool


def up(say: Say, fake_node_count: int = 2) -> None:
    """Builds what is missing and starts what does not run. Raises LabError; then `down` cleans up as usual."""
    preflight.check_machine()
    with _only_one():
        packages.install(say)
        if _was_cut_off():
            say("cleaning up after a lab that was ended from outside, by a reboot or a kill …")
            _take_down(say)
        _build(say)
        outdated.sweep()
        if not _is_up() and preflight.bridge_is_foreign():
            raise LabError(f"another interface uses {network.HOST}: the lab needs {network.POD_RANGE} for itself")
        paths.LOGS.mkdir(parents=True, exist_ok=True)
        network.up()
        pki = control_plane.authority()
        _start(say, [control_plane.etcd(), containers.daemon(), s3.daemon(), gitea.daemon()], wait=2)
        anew = images.import_all(say, containers.CTR)
        _start(say, [control_plane.api_server(pki)])
        dns.host_services()
        rest = [
            control_plane.controller_manager(pki), control_plane.scheduler(), node.kubelet(pki), node.proxy(),
            dns.daemon(), fake_nodes.daemon(), node.gpu_plugin(),
        ]  # fmt: skip
        _start(say, rest)
        fake_nodes.scale(fake_node_count)
        _start(say, [s3.daemon(), gitea.daemon()])
        s3.seed()
        gitea.seed()
        repositories.seed()
        _await_node()
        _start(say, [node.firewall()])
        _replace_registrars(say, anew)
        images.forget_outdated(say, containers.CTR, _images_of_objects())
        environment.write()
    say(f"lab is up; logs in {paths.LOGS}; `. {paths.STATE / 'env.sh'}` points a shell at it")


def _build(say: Say) -> None:
    """Images wait for disk and network, programs for the processor: those that hold none come about beside them."""
    with ThreadPoolExecutor(1) as beside:
        ahead = beside.submit(images.build_all, say, images.without_programs())
        build.build_all(say)
        ahead.result()
    images.build_all(say)


def down(say: Say) -> None:
    """Stops everything the lab started and removes its mounts, interfaces, rules and state; the logs stay."""
    if not paths.STATE.exists():
        say("no lab is running")
        return
    with _only_one():
        _take_down(say)
    say(f"lab is down; its logs are still in {paths.LOGS}")


def _was_cut_off() -> bool:
    """True where the state of a lab is there and none of its processes is."""
    return (paths.STATE / "run").exists() and not any(daemon.is_running(name) for name in daemon.known())


def _take_down(say: Say) -> None:
    for name in [*STOP_ORDER, *(n for n in daemon.known() if n not in STOP_ORDER)]:
        if name == "containerd":
            containers.down()
        elif daemon.stop(name):
            say(f"stopped {name}")
    node.down()
    outside.down()
    network.down()
    left = remains.find()
    if left:
        raise LabError("the lab is down, but for these; run `make lab-down` again:\n  - " + "\n  - ".join(left))
    for entry in paths.STATE.iterdir():
        if entry != paths.LOGS and entry.is_dir():
            shutil.rmtree(entry)
        elif entry != paths.LOGS:
            entry.unlink()


def status() -> Sequence[Part]:
    """Every part of the lab; reads only."""
    if not (control_plane.PKI / "ca.crt").exists():
        return [Part(name, daemon.running_pid(name), False) for name in STOP_ORDER]
    parts = {part.name: part for part in _parts()}
    parts |= {part.name: part for part in _asked_for()}
    order = [*reversed(STOP_ORDER), *(name for name in parts if name not in STOP_ORDER)]
    return [Part(name, daemon.running_pid(name), daemon.is_running(name) and parts[name].ready()) for name in order]


def _asked_for() -> list[Daemon]:
    """The parts that only come up on request, those of them that somebody has started."""
    known = daemon.known()
    return [make() for name, make in ON_REQUEST.items() if name in known]


def _parts() -> list[Daemon]:
    pki = control_plane.authority()
    return [
        control_plane.etcd(), containers.daemon(), control_plane.api_server(pki),
        control_plane.controller_manager(pki), control_plane.scheduler(), node.kubelet(pki), node.proxy(),
        node.firewall(), dns.daemon(), fake_nodes.daemon(), node.gpu_plugin(), s3.daemon(), gitea.daemon(),
    ]  # fmt: skip


def _start(say: Say, parts: Sequence[Daemon], wait: int | None = None) -> None:
    """Launches all, then waits for the first `wait` of them (all, unless given), with one line for each that is new."""
    started = time.monotonic()
    new = {part.name for part in parts if not daemon.is_running(part.name)}
    for part in parts:
        part.launch()
    for part in parts[:wait]:
        part.wait()
        if part.name in new:
            say(f"{part.name} ready after {time.monotonic() - started:.1f} s")


def _await_node() -> None:
    end = time.monotonic() + NODE_DEADLINE_SECONDS
    while not (node.is_ready() and node.allocatable_gpus() == node.GPUS):
        if time.monotonic() > end:
            raise LabError(
                f"node {node.NAME} was not Ready with {node.GPUS} GPUs within {NODE_DEADLINE_SECONDS:.0f} s: "
                f"see {paths.LOGS / 'kubelet.log'}"
            )
        time.sleep(0.2)


def _replace_registrars(say: Say, images_anew: Sequence[str]) -> None:
    """A build keeps its name, so nothing else replaces who runs of the former one: a demo would prove old code."""
    if not images_anew:
        return
    pods = json.loads(node.kubectl("get", "pods", "--all-namespaces", "--output=json"))["items"]
    for namespace, name in outdated.registrars_of(pods, images_anew):
        node.kubectl("delete", "pod", f"--namespace={namespace}", "--wait=false", name)
        say(f"replaced {name} in {namespace}: its image was built anew")


def _images_of_objects() -> set[str]:
    """What pods run of now, and would run of if somebody scaled them up again."""
    kinds = "pods,replicasets,deployments,daemonsets,statefulsets,jobs,cronjobs"
    return outdated.images_named(json.loads(node.kubectl("get", kinds, "--all-namespaces", "--output=json")))


def _is_up() -> bool:
    return daemon.is_running("kube-apiserver")


@contextlib.contextmanager
def _only_one() -> Iterator[None]:
    """Two `lab` commands at once would undo each other's work: the second is told so."""
    paths.CACHE.mkdir(parents=True, exist_ok=True)
    paths.STATE.mkdir(parents=True, exist_ok=True)
    with (paths.CACHE / "lab.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LabError(f"another lab command holds {lock.name}: wait until it has ended") from None
        yield
