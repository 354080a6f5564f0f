"""Parts of the control plane and of the node, each stopped, killed or away while a job runs and a pod starts."""

import time
from typing import Final

from lab import node
from lab.errors import LabError
from lab.faults import during, machine
from lab.faults.during import Strike
from lab.faults.fault import Fault, Observation
from lab.faults.scene import Scene
from lab.faults.stage import CROWD, GPU
from lab.faults.work import Work
from lab.trial.deadline import holds_for

NOT_READY_SECONDS: Final = 150.0
NOT_READY_JOB_SECONDS: Final = 75.0  # longer than the control plane waits for a node, 50 s
GPU_SECONDS: Final = 60.0


def part_away(part: str, *, kill: bool = False, away: float = 0.0) -> Strike:
    """A part ends, is away, and starts again; a runner is deleted just before, so that another one starts."""

    def strike(scene: Scene, _: Work) -> str:
        scene.delete_idle(CROWD)
        lasted = machine.restart(part, kill=kill, away=away)
        return f"{part} was not ready for {lasted:.1f} s, while a pod started"

    return strike


def node_not_ready(scene: Scene) -> Observation:
    """The kubelet is away until the node is NotReady; the job ends meanwhile."""
    work = scene.begin(CROWD, NOT_READY_JOB_SECONDS)
    started = time.monotonic()
    with machine.stopped("kubelet"):
        scene.until("the node is not Ready", lambda: not node.is_ready(), NOT_READY_SECONDS)
        after = time.monotonic() - started
        scene.conclude(work, NOT_READY_JOB_SECONDS + 60)
        if node.is_ready():
            raise LabError("the node is Ready while its kubelet is away")
    back = time.monotonic()
    scene.until("the node is Ready", node.is_ready, NOT_READY_SECONDS)
    scene.until_serving()
    recovery = time.monotonic() - back
    scene.until_quiet()
    return Observation(f"NotReady {after:.0f} s after the kubelet was away, and still when the job had ended", recovery)


def gpus_withdrawn(scene: Scene, work: Work) -> str:
    """The device plugin is away until the node offers no GPU any more."""
    with machine.stopped("gpu-device-plugin"):
        scene.until("the node offers no GPU", lambda: node.allocatable_gpus() == 0, GPU_SECONDS)
        pod = scene.pods.find(work.pod())
        if pod is None or pod.phase != "Running":
            raise LabError(f"the runner with the GPU is {pod.phase if pod else 'gone'}")
    return "the node offered 0 GPUs, then its 4 again; the job kept its own"


def quota_too_small(scene: Scene) -> Observation:
    """The namespace's quota is cut by hand to no GPU, and the GPU runner deleted."""
    work = scene.begin(CROWD, 15)
    path = f"/api/v1/namespaces/{scene.pods.namespace}/resourcequotas"
    key = "requests.nvidia.com/gpu"
    (quota,) = [item for item in scene.api.items(path) if key in item["spec"]["hard"]]
    at, hard = f"{path}/{quota['metadata']['name']}", quota["spec"]["hard"][key]
    scene.api.patch(at, {"spec": {"hard": {key: "0"}}})
    try:
        before = _refusals(scene)
        scene.delete_idle(GPU)
        scene.until("the quota is named in an Event", lambda: _refusals(scene) - before, 60)
        scene.until("the runner is gone", lambda: not scene.pods.of(GPU), 60)
        holds_for("no pod is made", lambda: not scene.pods.of(GPU), 3)
    finally:
        scene.api.patch(at, {"spec": {"hard": {key: hard}}})
    recovery = scene.until_serving()
    scene.conclude(work, 60)
    return Observation(
        "no pod was made, and an Event FailedCreate named the quota; after it was raised the pool came back", recovery
    )


def _refusals(scene: Scene) -> set[tuple[str, int]]:
    """The Events that name the quota by which a pod was not made, and how often each happened."""
    events = scene.api.items(f"/api/v1/namespaces/{scene.pods.namespace}/events", fields="reason=FailedCreate")
    return {(e["metadata"]["uid"], e.get("count") or 1) for e in events if "exceeded quota" in e["message"]}


def away(name: str, injected: str, part: str, *, kill: bool = False, seconds: float = 0.0) -> Fault:
    """A part that ends and is away for so many seconds while a job runs."""
    strike = part_away(part, kill=kill, away=seconds)
    return Fault(name, f"{injected}, while a job runs and a pod starts", during.a_job(strike, seconds=seconds + 7))


GPUS: Final = during.a_job(gpus_withdrawn, pool=GPU, seconds=30)

FAULTS: Final = (
    away("api-server-restarted", "the API server is restarted", "kube-apiserver"),
    away("api-server-killed", "the API server is killed and away for 15 s", "kube-apiserver", kill=True, seconds=15),
    away("etcd-restarted", "etcd is restarted", "etcd"),
    away("etcd-killed", "etcd is killed and away for 7 s", "etcd", kill=True, seconds=7),
    away("controller-manager-away", "the controller manager is away for 7 s", "kube-controller-manager", seconds=7),
    away("scheduler-away", "the scheduler is away for 7 s", "kube-scheduler", seconds=7),
    away("kubelet-restarted", "the kubelet is restarted", "kubelet"),
    away("kubelet-killed", "the kubelet is killed and away for 15 s", "kubelet", kill=True, seconds=15),
    away("containerd-restarted", "containerd is restarted", "containerd"),
    away("containerd-killed", "containerd is killed and away for 7 s", "containerd", kill=True, seconds=7),
    away("network-policies-away", "what enforces network policies is away for 7 s", "kube-router", seconds=7),
    away("dns-away", "the cluster's DNS is away for 15 s", "coredns", seconds=15),
    Fault("node-not-ready", "the node is NotReady while a job runs and ends", node_not_ready, 420),
    Fault("gpus-withdrawn", "the device plugin withdraws all GPUs under a job that has one", GPUS),
    Fault("quota-too-small", "the quota is smaller than the pools, and a runner goes", quota_too_small),
)
