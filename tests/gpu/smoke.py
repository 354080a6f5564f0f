"""Runs stack.yaml's pools on this machine's GPU, under two device plugins, and writes what was seen as JSON."""

import base64
import calendar
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from lab import containers, control_plane, network, node, paths
from lab.daemon import Daemon, known, stop
from tests.gpu.cluster import Cluster, Refused
from tests.gpu.stand_ins import serve_dns, serve_registrar

HERE = Path(__file__).parent
NAMESPACE = "gpu-runners-gpu"
DRIVER = Path("/usr/local/nvidia")
PLUGIN_FOLDER = "/var/lib/kubelet/device-plugins"
DRIVER_LIBRARIES = ("libcuda.so.1", "libnvidia-ml.so.1", "libnvidia-ptxjitcompiler.so.1")
IMAGE = "lab.local/gpu-smoke:lab"
# As the images nvidia/cuda say, so that what a device plugin mounts is found; "all" too, which must not be believed.
IMAGE_ENVIRONMENT = [
    "PATH=/usr/local/nvidia/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LD_LIBRARY_PATH=/usr/local/nvidia/lib:/usr/local/nvidia/lib64",
    "NVIDIA_VISIBLE_DEVICES=all",
]
DEADLINE_SECONDS = 60.0

PLUGINS = {
    # Google's: mounts the driver and names the device files; no runtime of NVIDIA's is needed.
    "gke": [
        "gke-device-plugin", f"--plugin-directory={PLUGIN_FOLDER}", f"--host-path={DRIVER}",
        f"--container-path={DRIVER}", f"--host-vulkan-icd-path={DRIVER}/share/vulkan", "--gpu-config=", "--logtostderr",
    ],
    # NVIDIA's own; without its runtime it names the device files, and the image holds the driver's libraries.
    "nvidia": [
        "nvidia-device-plugin", "--device-list-strategy=envvar", "--pass-device-specs=true",
        "--device-discovery-strategy=nvml", f"--kubelet-socket={PLUGIN_FOLDER}/kubelet.sock",
    ],
}  # fmt: skip


def main() -> None:
    """`python3 -m tests.gpu.smoke FOLDER RESULT`: what lies in FOLDER was made by tests.gpu.bundle."""
    folder, result = Path(sys.argv[1]), Path(sys.argv[2])
    seen: dict[str, Any] = {"machine": _machine()}
    try:
        cluster = _start(folder)
        seen["labels"] = _discovered_labels(folder)
        # As NVIDIA's GPU operator labels a node; feature discovery alone does not.
        _patch_node(cluster, {**seen["labels"], "nvidia.com/gpu.present": "true"})
        manifests = json.loads((folder / "manifests.json").read_text())
        _serve(manifests)
        pools = _declare(cluster, manifests)
        seen["refused"] = _hostile(cluster, pools)
        for name, argv in PLUGINS.items():
            print(f"-- {name}", flush=True)
            seen[name] = _run(cluster, pools, name, argv)
    finally:
        result.mkdir(parents=True, exist_ok=True)
        (result / "seen.json").write_text(json.dumps(seen, indent=1))
        for daemon in reversed(known()):
            tail = (paths.LOGS / f"{daemon}.log").read_text(errors="replace")[-20000:]
            (result / f"{daemon}.log").write_text(tail) if daemon in ("kubelet", "gke", "nvidia") else None
            stop(daemon)


def _machine() -> dict[str, str]:
    asked = ["nvidia-smi", "--query-gpu=name,driver_version,mig.mode.current", "--format=csv,noheader"]
    gpu = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    return {"gpu": gpu, "kernel": os.uname().release}


def _start(folder: Path) -> Cluster:
    """The lab's control plane, containerd and kubelet, without its network policies and DNS."""
    os.environ["PATH"] = f"{folder}/bin:{os.environ['PATH']}"
    for library in (folder / "lib").iterdir():
        if not (Path("/usr/lib/x86_64-linux-gnu") / library.name).exists():
            shutil.copy(library, "/usr/local/lib")
    subprocess.run(["ldconfig"], check=True)
    paths.BIN.parent.mkdir(parents=True, exist_ok=True)
    paths.BIN.symlink_to(folder / "bin")
    Path("/usr/lib/cni").symlink_to(folder / "cni")
    for arguments in (
        f"link add {network.BRIDGE} type bridge",
        f"link set {network.BRIDGE} address {network.BRIDGE_ADDRESS}",
        f"address add {network.HOST}/16 dev {network.BRIDGE}",
        f"address add {network.DNS_SERVICE}/32 dev {network.BRIDGE}",
        f"link set {network.BRIDGE} up",
    ):
        subprocess.run(["ip", *arguments.split()], check=True)
    network.CNI_CONFIG.mkdir(parents=True, exist_ok=True)
    (network.CNI_CONFIG / "10-lab.conflist").write_text(json.dumps(network._conflist()))
    pki = control_plane.authority()
    control_plane.etcd().start()
    control_plane.api_server(pki).start()
    for daemon in (control_plane.controller_manager(pki), control_plane.scheduler(), containers.daemon()):
        daemon.start()
    _import_images(folder)
    node.kubelet(pki).start()
    cluster = Cluster(control_plane.API, control_plane.PKI)
    _await("the node is Ready", lambda: _is_ready(cluster))
    return cluster


def _is_ready(cluster: Cluster) -> bool:
    try:
        status = cluster.request("GET", f"/api/v1/nodes/{node.NAME}")["status"]
    except Refused:
        return False
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in status["conditions"])


def _import_images(folder: Path) -> None:
    pause = BytesIO()
    with tarfile.open(fileobj=pause, mode="w") as layer:
        layer.add(folder / "bin/pause", "pause")
    runner = BytesIO()
    with tarfile.open(fileobj=runner, mode="w") as layer:
        for file in ("run.sh", "job.py"):
            layer.add(HERE / "runner" / file, f"home/runner/{file}")
        for library in DRIVER_LIBRARIES:
            layer.add((DRIVER / "lib64" / library).resolve(), f"usr/local/nvidia/lib64/{library}")
        layer.add(DRIVER / "bin/nvidia-smi", "usr/local/nvidia/bin/nvidia-smi")
    _import("lab.local/pause:lab", {"pause.tar": pause.getvalue()}, ["/pause"], [])
    _import(
        IMAGE,
        {"rootfs.tar": (folder / "rootfs.tar").read_bytes(), "runner.tar": runner.getvalue()},
        [],
        IMAGE_ENVIRONMENT,
    )


def _import(name: str, layers: dict[str, bytes], command: list[str], environment: list[str]) -> None:
    """An image as `docker save` writes it, into containerd."""
    digests = [f"sha256:{_sha256(layer)}" for layer in layers.values()]
    config = {"architecture": "amd64", "os": "linux", "config": {"Cmd": command, "Env": environment},
              "rootfs": {"type": "layers", "diff_ids": digests}}  # fmt: skip
    files = {**layers, "config.json": json.dumps(config).encode()}
    listing = [{"Config": "config.json", "RepoTags": [name], "Layers": list(layers)}]
    files["manifest.json"] = json.dumps(listing).encode()
    archive = paths.STATE / "image.tar"
    with tarfile.open(archive, "w") as out:
        for file, content in files.items():
            entry = tarfile.TarInfo(file)
            entry.size = len(content)
            out.addfile(entry, BytesIO(content))
    subprocess.run([*containers.CTR, "images", "import", str(archive)], check=True)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _discovered_labels(folder: Path) -> dict[str, str]:
    """What NVIDIA's GPU feature discovery would label this node with."""
    out = paths.STATE / "gfd"
    command = [
        str(folder / "bin/gpu-feature-discovery"), "--oneshot", f"--output-file={out}", "--use-node-feature-api=false",
        "--machine-type-file=",
    ]  # fmt: skip
    environment = {**os.environ, "KUBECONFIG": str(paths.KUBECONFIG), "NODE_NAME": node.NAME}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    if not out.exists():
        raise RuntimeError(f"gpu-feature-discovery: {done.stderr[-1000:]}")
    return dict(line.split("=", 1) for line in out.read_text().splitlines())


def _patch_node(cluster: Cluster, labels: dict[str, str]) -> None:
    # The lab's kubelet labels the node as the simulated one: what was discovered takes that back.
    taken: dict[str, str | None] = dict.fromkeys(node.LABELS)
    patch = {"metadata": {"labels": taken | labels}}
    cluster.request("PATCH", f"/api/v1/nodes/{node.NAME}", patch, "application/merge-patch+json")


def _serve(manifests: list[dict[str, Any]]) -> None:
    (pair,) = [m for m in manifests if m["kind"] == "Secret" and "tls.key" in (m.get("stringData") or m["data"])]
    texts = pair.get("stringData") or {key: base64.b64decode(value).decode() for key, value in pair["data"].items()}
    file = paths.STATE / "pair.pem"
    file.write_text(texts["tls.crt"] + texts["tls.key"])
    serve_registrar(network.HOST, 8443, file)
    serve_dns(network.DNS_SERVICE, network.HOST)


def _declare(cluster: Cluster, manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Creates all but the pools, which it gives back."""
    for manifest in manifests:
        if manifest["kind"] not in ("Deployment", "Secret"):
            cluster.create(manifest)
    return [manifest for manifest in manifests if manifest["kind"] == "Deployment"]


def _hostile(cluster: Cluster, pools: list[dict[str, Any]]) -> dict[str, str]:
    """The pool without a GPU, asking for all of them by the variable that NVIDIA's runtime believes."""
    (pool,) = [pool for pool in pools if pool["metadata"]["name"] == "cpu"]
    changed = json.loads(json.dumps(pool))
    for variable in changed["spec"]["template"]["spec"]["containers"][0]["env"]:
        if variable["name"] == "NVIDIA_VISIBLE_DEVICES":
            variable["value"] = "all"
    failure = _failure("admission is in force", lambda: bool(_refusal(cluster, changed)))
    return {"NVIDIA_VISIBLE_DEVICES=all without a request": failure or _refusal(cluster, changed)}


def _refusal(cluster: Cluster, manifest: dict[str, Any]) -> str:
    namespace = manifest["metadata"]["namespace"]
    try:
        cluster.request("POST", f"/apis/apps/v1/namespaces/{namespace}/deployments?dryRun=All", manifest)
    except Refused as refused:
        return str(refused)
    return ""


def _run(cluster: Cluster, pools: list[dict[str, Any]], name: str, argv: list[str]) -> dict[str, Any]:
    """Brings the pools up under a device plugin, waits for one job without a GPU and two with, takes them down."""
    environment = {"LD_LIBRARY_PATH": f"{DRIVER}/lib64"}
    Daemon(name, [str(paths.BIN / argv[0]), *argv[1:]], env=environment).start()
    _await(f"{name}: the node offers its GPU", lambda: _allocatable(cluster) == 1)
    started = time.time()
    for pool in pools:
        cluster.create(pool)
    failure = _failure(f"{name}: two jobs on the GPU, one without", lambda: _is_served(cluster))
    pods = [_told(pod, started) for pod in _pods(cluster)]
    events = cluster.request("GET", f"/api/v1/namespaces/{NAMESPACE}/events")["items"]
    warnings = sorted({f"{e['reason']}: {e['message'][:300]}" for e in events if e["type"] == "Warning"})
    for pool in pools:
        path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{pool['metadata']['name']}"
        cluster.request(
            "DELETE", path, {"propagationPolicy": "Background", "apiVersion": "v1", "kind": "DeleteOptions"}
        )
    left = _failure(f"{name}: no pod is left", lambda: not _pods(cluster))
    stop(name)
    return {"pods": pods, "warnings": warnings, "failures": [text for text in (failure, left) if text]}


def _allocatable(cluster: Cluster) -> int:
    allocatable = cluster.request("GET", f"/api/v1/nodes/{node.NAME}")["status"]["allocatable"]
    return int(allocatable.get("nvidia.com/gpu", 0))


def _pods(cluster: Cluster) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = cluster.request("GET", f"/api/v1/namespaces/{NAMESPACE}/pods")["items"]
    return items


def _is_served(cluster: Cluster) -> bool:
    ended = [pod for pod in _pods(cluster) if pod["status"]["phase"] in ("Succeeded", "Failed")]
    pools = [
        next(iter(pod["spec"]["nodeSelector"].values()), "") if pod["spec"].get("nodeSelector") else "" for pod in ended
    ]
    return len([pool for pool in pools if pool]) >= 2 and "" in pools


def _told(pod: dict[str, Any], started: float) -> dict[str, Any]:
    """A pod's name and fate, seconds since the pools were declared, and what its job found."""
    log = [line for file in (paths.LOGS / "pods").glob(f"*_{pod['metadata']['name']}_*/runner/*.log")
           for line in file.read_text().splitlines()]  # fmt: skip
    found = [line.split(" F found ", 1)[1] for line in log if " F found " in line]
    conditions = pod["status"].get("conditions", [])
    states = [status.get("state", {}) for status in pod["status"].get("containerStatuses", [])]
    return {
        "pod": pod["metadata"]["name"],
        "phase": pod["status"]["phase"],
        "scheduled": [c.get("message", c["status"]) for c in conditions if c["type"] == "PodScheduled"],
        "state": states,
        "created_s": _since(pod["metadata"]["creationTimestamp"], started),
        "found": json.loads(found[0]) if found else log[-5:],
    }  # fmt: skip


def _since(timestamp: str, started: float) -> float:
    return round(calendar.timegm(time.strptime(timestamp, "%Y-%m-%dT%H:%M:%SZ")) - started, 1)


def _failure(what: str, holds: Callable[[], bool]) -> str:
    try:
        _await(what, holds)
    except TimeoutError as error:
        return f"not within {DEADLINE_SECONDS:.0f} s: {error}"
    return ""


def _await(what: str, holds: Callable[[], bool]) -> None:
    """Waits until it holds, says for what. Raises TimeoutError at the deadline."""
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > DEADLINE_SECONDS:
            raise TimeoutError(what)
        time.sleep(0.2)
    print(f"{what}: {time.monotonic() - begun:.1f} s", flush=True)


if __name__ == "__main__":
    main()
