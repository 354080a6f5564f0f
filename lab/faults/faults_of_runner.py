"""The runner's own container: killed, out of memory, ended without a job, its volume full."""

import time
from collections.abc import Callable
from typing import Final

from lab.errors import LabError
from lab.faults import machine
from lab.faults.fault import Fault, Observation
from lab.faults.scene import UNHEARD_SECONDS, Scene
from lab.faults.stage import CROWD, WORKER
from values import contract

ENDS_SECONDS: Final = 60.0
KILL: Final = "SIGKILL"
# Many processes of a few MiB each, and the runner marked as the one to take: so the kernel takes the runner and not a
# process of its job, which the job would just report.
EATS_MEMORY: Final = """echo 1000 > /proc/1/oom_score_adj
for number in $(seq 90); do
  python3 -c 'import time; kept = bytearray(4 << 20); time.sleep(60)' &
done
wait"""
FILLS_VOLUME: Final = "head -c 400M /dev/zero > /work/filled; sleep 120"


def killed(sign: str) -> Callable[[Scene], Observation]:
    """A signal to the first process of a busy runner's container."""

    def run(scene: Scene) -> Observation:
        work = scene.begin(WORKER, 12)
        pod = scene.latched(work)
        machine.signal_runner(pod, sign)
        struck = time.monotonic()
        scene.until("the runner has ended", lambda: has_ended(scene, pod.name), ENDS_SECONDS)
        scene.until_serving()
        recovery = time.monotonic() - struck
        scene.conclude(work, UNHEARD_SECONDS if sign == KILL else 60)
        return Observation(f"the pod ended as {how_it_ended(scene, pod.name)}", recovery)

    return run


def idle_ended(scene: Scene) -> Observation:
    """An idle runner ends with 0 and never had a job."""
    pod = scene.idle_runner(CROWD)
    machine.signal_runner(pod, "SIGTERM")
    struck = time.monotonic()
    scene.until("the runner has ended", lambda: has_ended(scene, pod.name), ENDS_SECONDS)
    scene.until_serving()
    recovery = time.monotonic() - struck
    work = scene.begin(CROWD, 1, 2)
    scene.conclude(work, 60)
    return Observation(f"the pod ended as {how_it_ended(scene, pod.name)} and was replaced", recovery)


def by_its_job(between: str, seconds: float, reason: str) -> Callable[[Scene], Observation]:
    """A job that takes its own runner with it; the API server has to show `reason`, or it was another fault."""

    def run(scene: Scene) -> Observation:
        work = scene.begin(WORKER, 1, between=between)
        host = work.pod()
        scene.until("the runner has ended", lambda: has_ended(scene, host), seconds)
        struck = time.monotonic()
        how = how_it_ended(scene, host)
        scene.until_serving()
        recovery = time.monotonic() - struck
        scene.conclude(work, UNHEARD_SECONDS)
        if reason not in how:
            raise LabError(f"not {reason}: the pod ended as {how}")
        return Observation(f"the pod ended as {how_it_ended(scene, host)}", recovery)

    return run


def has_ended(scene: Scene, name: str) -> bool:
    """Whether a pod has ended or is gone."""
    pod = scene.pods.find(name)
    return pod is None or pod.phase in ("Succeeded", "Failed")


def how_it_ended(scene: Scene, name: str) -> str:
    """Phase, exit code and reason of a pod as the API shows them, and the registrar's Events about it."""
    pod = scene.pods.find(name)
    told = sorted(scene.events(name) & {contract.RUNNER_FAILED, contract.RUNNER_COMPLETED, contract.RUNNER_LOST})
    events = f", Event {' and '.join(told)}" if told else ""
    if pod is None:
        return f"gone{events}"
    status = pod.document["status"]
    ends = [s["state"].get("terminated", {}) for s in status.get("containerStatuses", ())]
    codes = ", ".join(f"exit code {end['exitCode']} ({end.get('reason', '')})" for end in ends if end)
    return f"{pod.phase} {status.get('reason', '')}".strip() + (f", {codes}" if codes else "") + events


NOBODY: Final = "nobody is left to tell the forge"
FAULTS: Final = (
    Fault("runner-killed", "a busy runner's process is killed", killed(KILL), loses=1, why=NOBODY),
    Fault("runner-terminated", "a busy runner's process is told to end (SIGTERM)", killed("SIGTERM")),
    Fault("idle-runner-ends", "an idle runner ends with 0 without a job", idle_ended),
    Fault(
        "runner-out-of-memory", "the kernel kills the runner for its job's memory",
        by_its_job(EATS_MEMORY, 120, "OOMKilled"), loses=1, why=NOBODY,
    ),
    Fault(
        "work-volume-full", "a job writes more than its volume may hold", by_its_job(FILLS_VOLUME, 180, "Evicted"),
        loses=1, why="the kubelet evicts the pod within a second, whatever its grace period",
    ),
)  # fmt: skip
