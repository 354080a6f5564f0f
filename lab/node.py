"""The one real node: kubelet, kube-proxy, the enforcer of NetworkPolicies and the plugin of simulated GPUs."""

import json
import shutil
import subprocess
from pathlib import Path

from lab import containers, network, paths
from lab.certificates import Authority
from lab.control_plane import PKI, answers
from lab.daemon import Daemon

NAME = "lab"
FIREWALL_HEALTH_PORT = 20244
PODS_PROCESSES = 1024  # threads count too; what we ask of every cluster (docs/security.md)
GPUS = 4
GPU_RESOURCE = "nvidia.com/gpu"
GPU_PRODUCT = "NVIDIA-A100-SIMULATED"
LABELS = {"nvidia.com/gpu.present": "true", "nvidia.com/gpu.product": GPU_PRODUCT, "nvidia.com/gpu.count": str(GPUS)}

ROOT = paths.STATE / "kubelet"
# Fixed by Kubernetes, whatever --root-dir says: pkg/kubelet/apis/deviceplugin and the container log links.
FIXED_FOLDERS = (Path("/var/lib/kubelet"), Path("/var/log/containers"))


def kubelet(pki: Authority) -> Daemon:
    """The kubelet on the lab's containerd; ready when its health port answers."""
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki.path("ca.crt"))},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki.path("kubelet-server.crt")),
        "tlsPrivateKeyFile": str(pki.path("kubelet-server.key")),
        "containerRuntimeEndpoint": f"unix://{containers.SOCKET}",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDNS": [network.DNS_SERVICE],
        "clusterDomain": "cluster.local",
        "podLogsDir": str(paths.LOGS / "pods"),
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": 10248,
        "maxPods": 200,
        "podPidsLimit": PODS_PROCESSES,
        "registryPullQPS": 50,
        "registryBurst": 100,
        "eventRecordQPS": 0,  # no limit: the program explains itself by events
        "kubeAPIQPS": 500,
        "kubeAPIBurst": 1000,
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageMaximumGCAge": "0s",
        "volumePluginDir": str(ROOT / "volume-plugins"),
    }
    file = ROOT / "config.json"
    files = {file: json.dumps(config, indent=1)}
    labels = ",".join(f"{key}={value}" for key, value in LABELS.items())
    argv = [
        str(paths.BIN / "kubelet"), f"--config={file}", f"--kubeconfig={PKI / 'kubelet.kubeconfig'}",
        f"--root-dir={ROOT}", f"--hostname-override={NAME}", f"--node-ip={network.HOST}", f"--node-labels={labels}",
    ]  # fmt: skip
    return Daemon("kubelet", argv, files=files, ready=lambda: answers("http://127.0.0.1:10248/healthz"))


def proxy() -> Daemon:
    """kube-proxy in iptables mode."""
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clusterCIDR": network.POD_RANGE,
        "hostnameOverride": NAME,
        "bindAddress": network.HOST,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "clientConnection": {"kubeconfig": str(PKI / "proxy.kubeconfig")},
        # Without masqueradeAll, as in other clusters: a pod that asks a Service is seen under its own address. Answers
        # between pods of the one bridge find their way back as the bridge's traffic passes iptables (lab/network.py).
        "iptables": {"minSyncPeriod": "100ms", "syncPeriod": "30s"},
        "conntrack": {"maxPerCore": 0},
    }
    file = paths.STATE / "kube-proxy.json"
    files = {file: json.dumps(config, indent=1)}
    argv = [str(paths.BIN / "kube-proxy"), f"--config={file}"]
    return Daemon("kube-proxy", argv, files=files, ready=lambda: answers("http://127.0.0.1:10256/healthz"))


def firewall() -> Daemon:
    """kube-router as nothing but the enforcer of NetworkPolicies; it needs the node's object when it starts."""
    argv = [
        str(paths.BIN / "kube-router"), "--run-firewall=true", "--run-router=false", "--run-service-proxy=false",
        f"--kubeconfig={PKI / 'admin.kubeconfig'}", f"--hostname-override={NAME}",
        f"--service-cluster-ip-range={network.SERVICE_RANGE}", f"--health-port={FIREWALL_HEALTH_PORT}",
    ]  # fmt: skip
    url = f"http://127.0.0.1:{FIREWALL_HEALTH_PORT}/healthz"
    return Daemon("kube-router", argv, ready=lambda: answers(url))


def gpu_plugin() -> Daemon:
    """The device plugin; ready when the node offers its devices."""
    argv = [str(paths.BIN / "gpu-device-plugin"), f"--count={GPUS}", f"--resource={GPU_RESOURCE}"]
    return Daemon("gpu-device-plugin", argv, ready=lambda: allocatable_gpus() == GPUS)


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    """kubectl as the lab's admin; raises CalledProcessError."""
    command = [str(paths.BIN / "kubectl"), f"--kubeconfig={paths.KUBECONFIG}", *arguments]
    done = subprocess.run(command, input=stdin, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout


def is_ready() -> bool:
    """True when the API server says that the real node is Ready."""
    status = "{.status.conditions[?(@.type=='Ready')].status}"
    try:
        return kubectl("get", "node", NAME, "-o", f"jsonpath={status}") == "True"
    except subprocess.CalledProcessError:
        return False


def allocatable_gpus() -> int:
    """GPUs that the scheduler may give away on the real node."""
    path = "{.status.allocatable.nvidia\\.com/gpu}"
    try:
        return int(kubectl("get", "node", NAME, "-o", f"jsonpath={path}") or 0)
    except subprocess.CalledProcessError:
        return 0


def down() -> None:
    """Removes what the kubelet left in places that no flag moves."""
    containers.unmount_below(ROOT, *FIXED_FOLDERS)
    shutil.rmtree(ROOT, ignore_errors=True)
    for folder in FIXED_FOLDERS:
        shutil.rmtree(folder, ignore_errors=True)
