"""`pulumi up` killed, interrupted, doubled and without its state, while a job runs."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from lab.errors import LabError
from lab.faults import machine
from lab.faults.fault import Fault, Observation
from lab.faults.scene import Scene
from lab.faults.stage import CROWD, GPU, WORKER, config, unlock
from lab.trial.pools import gpus
from lab.trial.stack import FLAGS, Stack

UP: Final = ("pulumi", "up", "--yes", "--skip-preview")
OUTPUT: Final = "output"
LOCKED: Final = "currently locked"
POINT_SECONDS: Final = 120.0
END_SECONDS: Final = 60.0
INTERRUPTED_SECONDS: Final = 10.0  # two are promised, on a machine that has nothing else to do
LONG_SECONDS: Final = 180.0
ONLINE_SECONDS: Final = 60
SIZES: Final = ("264Mi", "272Mi", "280Mi", "288Mi", "296Mi")


@dataclass(frozen=True)
class Before:
    """What there was of the pool that an `up` changes: its Deployment's generation and its pods."""

    generation: int
    pods: frozenset[str]


Reached = Callable[[Scene, Before], bool]


@contextmanager
def up_beside(stack: Stack) -> Iterator["subprocess.Popen[bytes]"]:
    """An `up` in a process of its own; it has ended with this block."""
    output = stack.folder / OUTPUT
    with output.open("wb") as said:
        process = subprocess.Popen(
            [*UP, *FLAGS, "--stack", stack.name, "--config-file", str(stack.config_file)],
            cwd=stack.program, env=dict(stack.environment), stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        for pid in [*_family(process.pid), process.pid]:
            _kill(pid)
        process.wait(END_SECONDS)


def killed(scene: Scene) -> Observation:
    """At five points, each in an `up` that has something to change; then `unlock`, and `up` again."""
    work = scene.begin(WORKER, 60)
    over, recoveries = 0, []
    for memory, reached in zip(SIZES, POINTS.values(), strict=True):
        scene.stack.configure(config({GPU: {"memory": memory}}))
        before = Before(_generation(scene), frozenset(pod.name for pod in scene.pods.of(GPU)))
        with up_beside(scene.stack) as process:
            scene.until("`up` has come so far", partial(_is_there, scene, process, before, reached), POINT_SECONDS)
            over += process.poll() is not None
        struck = time.monotonic()
        unlock(scene.stack)
        scene.stack.up().succeeded()
        scene.until_serving()
        recoveries.append(time.monotonic() - struck)
    scene.stack.configure(config())
    scene.stack.up().succeeded()
    scene.stack.preview().succeeded()
    scene.until_serving()
    scene.conclude(work, 120)
    return Observation(
        f"killed when {'; when '.join(POINTS)} ({over} had ended by then); `unlock` and `up` mended each, and a "
        "preview was empty at the end",
        max(recoveries),
    )


def interrupted(scene: Scene) -> Observation:
    """Ctrl-C while it waits for a runner that finds no node."""
    work = scene.begin(WORKER, 45)
    nowhere = {"gpu": {**gpus(1), "nodeSelector": {"nvidia.com/gpu.product": "NONE"}}}
    scene.stack.configure(config({GPU: nowhere}, onlineDeadlineSeconds=ONLINE_SECONDS))
    before = Before(_generation(scene), frozenset(pod.name for pod in scene.pods.of(GPU)))
    with up_beside(scene.stack) as process:
        scene.until("a pod waits for a node", lambda: _is_made(scene, before), POINT_SECONDS)
        time.sleep(3)
        if process.poll() is not None:
            raise LabError(f"`up` had ended with {process.returncode}:\n{_output(scene)[-2000:]}")
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        struck = time.monotonic()
        code = process.wait(ONLINE_SECONDS + END_SECONDS)
        lasted = time.monotonic() - struck
    if code == 0 or lasted > INTERRUPTED_SECONDS:
        raise LabError(f"`up` was interrupted and ended with {code} after {lasted:.1f} s:\n{_output(scene)[-2000:]}")
    scene.stack.configure(config())
    again = scene.stack.up().succeeded()
    scene.until_serving()
    recovery = time.monotonic() - struck - lasted
    scene.conclude(work, 60)
    return Observation(
        f"it ended with {code} after {lasted:.1f} s and left no lock; the next `up` went through in "
        f"{again.seconds:.1f} s",
        recovery,
    )


def doubled(scene: Scene) -> Observation:
    """A second one begins while the first one works."""
    work = scene.begin(WORKER, 15)
    scene.stack.configure(config({CROWD: {"memory": "264Mi"}}))
    with up_beside(scene.stack) as first:
        scene.until("the first `up` holds the lock", lambda: _is_locked(scene), POINT_SECONDS)
        second = scene.stack.up()
        ended = first.poll()
        code = first.wait(LONG_SECONDS)
    if code != 0 or second.code == 0 or ended is not None:
        raise LabError(f"the first ended with {code} (by then: {ended}), the second with {second.code}")
    if LOCKED not in second.output:
        raise LabError(f"the second ended without a word about the lock:\n{second.output[-2000:]}")
    scene.stack.preview().succeeded()
    back = time.monotonic()
    scene.stack.configure(config())
    scene.stack.up().succeeded()
    scene.until_serving()
    recovery = time.monotonic() - back
    scene.conclude(work, 60)
    return Observation(
        f"the second ended with {second.code} after {second.seconds:.1f} s and named the lock, the first with {code}; "
        "a preview was empty",
        recovery,
    )


def without_state(scene: Scene) -> Observation:
    """The S3 server that keeps the state is away."""
    work = scene.begin(WORKER, 15)
    before = _generations(scene)
    scene.stack.configure(config({CROWD: {"memory": "264Mi"}}))
    with machine.stopped("s3"), up_beside(scene.stack) as process:
        started = time.monotonic()
        try:
            code = process.wait(LONG_SECONDS)
            refused = f"`up` ended with {code} after {time.monotonic() - started:.0f} s"
        except subprocess.TimeoutExpired:
            code = None
            refused = f"`up` still tried after {LONG_SECONDS:.0f} s"
    if code == 0 or _generations(scene) != before:
        raise LabError(f"{refused}, and the Deployments' generations went from {before} to {_generations(scene)}")
    scene.stack.configure(config())
    back = time.monotonic()
    scene.stack.up().succeeded()
    scene.until_serving()
    recovery = time.monotonic() - back
    scene.conclude(work, 60)
    return Observation(f"{refused}, and no Deployment was changed", recovery)


def _generations(scene: Scene) -> dict[str, int]:
    """How often the Deployment of each pool was changed."""
    items = scene.api.items(f"/apis/apps/v1/namespaces/{scene.pods.namespace}/deployments")
    return {item["metadata"]["name"]: int(item["metadata"]["generation"]) for item in items}


def _generation(scene: Scene) -> int:
    return _generations(scene)[GPU]


def _is_locked(scene: Scene) -> bool:
    """Whether the first `up` has taken the lock, which it does before it says this word."""
    return "Updating" in _output(scene)


def _output(scene: Scene) -> str:
    return (scene.stack.folder / OUTPUT).read_text(errors="replace")


def _is_made(scene: Scene, before: Before) -> bool:
    """Whether the changed pool has a pod that was not there before."""
    return any(pod.name not in before.pods for pod in scene.pods.of(GPU))


def _is_online(scene: Scene, before: Before) -> bool:
    return any(pod.online for pod in scene.pods.of(GPU) if pod.name not in before.pods)


def _is_there(scene: Scene, process: "subprocess.Popen[bytes]", before: Before, reached: Reached) -> bool:
    return process.poll() is not None or reached(scene, before)


# How far an `up` has come; these are looked at in the cluster, so that no point depends on how fast the machine is.
POINTS: Final[Mapping[str, Reached]] = {
    "its process had begun": lambda _, __: True,
    "it held the lock": lambda scene, _: _is_locked(scene),
    "a Deployment was changed": lambda scene, before: _generation(scene) > before.generation,
    "the pod of it was made": _is_made,
    "that was online": _is_online,
}


def _family(parent: int) -> list[int]:
    """The processes that this one started, and theirs: a machine that is switched off has none of them."""
    children = [int(file.parent.name) for file in Path("/proc").glob("[0-9]*/stat") if _parent(file) == parent]
    return [*children, *(pid for child in children for pid in _family(child))]


def _parent(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


FAULTS: Final = (
    Fault("up-killed", "`pulumi up` is killed at five points", killed, 540),
    Fault("up-interrupted", "`pulumi up` is interrupted by Ctrl-C while it waits for a runner", interrupted),
    Fault("two-ups", "two `pulumi up` of one stack at once", doubled),
    Fault("state-away", "the state's S3 server is away when `pulumi up` begins", without_state, 420),
)
