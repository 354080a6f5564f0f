"""`pulumi up` killed, interrupted, doubled and without its state, while a job runs."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from lab.faults import machine
from lab.faults.fault import Fault, Observation
from lab.faults.scene import Scene
from lab.faults.stage import CROWD, GPU, WORKER, config, unlock
from lab.trial.stack import FLAGS, Stack

UP: Final = ("pulumi", "up", "--yes", "--skip-preview")
POINTS: Final = (0.8, 1.6, 2.4, 3.2, 4.0)
END_SECONDS: Final = 60.0
SIZES: Final = ("264Mi", "272Mi", "280Mi", "288Mi", "296Mi")


@contextmanager
def up_beside(stack: Stack) -> Iterator["subprocess.Popen[bytes]"]:
    """An `up` in a process of its own; it has ended with this block."""
    output = stack.folder / "output"
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
    done, recoveries = 0, []
    for point, memory in zip(POINTS, SIZES, strict=True):
        scene.stack.configure(config({CROWD: {"memory": memory}}))
        with up_beside(scene.stack) as process:
            time.sleep(point)
            done += process.poll() is not None
        struck = time.monotonic()
        unlock(scene.stack)
        scene.stack.up().succeeded()
        recoveries.append(time.monotonic() - struck)
    scene.stack.configure(config())
    scene.stack.up().succeeded()
    scene.stack.preview().succeeded()
    scene.until_serving()
    scene.conclude(work, 120)
    points = ", ".join(f"{point:g}" for point in POINTS)
    return Observation(
        f"killed after {points} s ({done} had ended by then); `unlock` and `up` mended each, and a preview was empty",
        max(recoveries),
    )


def interrupted(scene: Scene) -> Observation:
    """Ctrl-C while it waits for a runner that finds no node."""
    work = scene.begin(WORKER, 45)
    nowhere = {"gpu": {**config()["gpu-runners:pools"][2]["gpu"], "nodeSelector": {"nvidia.com/gpu.product": "NONE"}}}
    scene.stack.configure(config({GPU: nowhere}, onlineDeadlineSeconds=40))
    with up_beside(scene.stack) as process:
        time.sleep(10)
        os.kill(process.pid, signal.SIGINT)
        struck = time.monotonic()
        code = process.wait(END_SECONDS)
        lasted = time.monotonic() - struck
    scene.stack.configure(config())
    again = scene.stack.up().succeeded()
    scene.until_serving()
    scene.conclude(work, 60)
    return Observation(
        f"it ended with {code} after {lasted:.1f} s and left no lock; `up` went through afterwards",
        lasted + again.seconds,
    )


def doubled(scene: Scene) -> Observation:
    """A second one begins while the first one works."""
    work = scene.begin(WORKER, 15)
    scene.stack.configure(config({CROWD: {"memory": "264Mi"}}))
    with up_beside(scene.stack) as first:
        scene.until("the first `up` holds the lock", lambda: _is_locked(scene.stack), 30)
        second = scene.stack.up()
        code = first.wait(END_SECONDS)
    scene.stack.configure(config())
    scene.stack.up().succeeded()
    recovery = scene.until_serving()
    scene.conclude(work, 60)
    named = "and named the lock" if "locked" in second.output else "without a word about the lock"
    return Observation(
        f"the first ended with {code}; the second with {second.code} after {second.seconds:.1f} s {named}", recovery
    )


def without_state(scene: Scene) -> Observation:
    """The S3 server that keeps the state is away."""
    work = scene.begin(WORKER, 15)
    scene.stack.configure(config({CROWD: {"memory": "264Mi"}}))
    with machine.stopped("s3"), up_beside(scene.stack) as process:
        try:
            refused = f"`up` ended with {process.wait(END_SECONDS)}"
        except subprocess.TimeoutExpired:
            refused = f"`up` still tried after {END_SECONDS:.0f} s"
    scene.stack.configure(config())
    back = time.monotonic()
    scene.stack.up().succeeded()
    scene.until_serving()
    recovery = time.monotonic() - back
    scene.conclude(work, 60)
    return Observation(f"{refused} and nothing was changed", recovery)


def _is_locked(stack: Stack) -> bool:
    """Whether the first `up` has got as far as to take the lock: another look at it would say so."""
    return "Updating" in (stack.folder / "output").read_text(errors="replace")


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
    Fault("up-killed", "`pulumi up` is killed at five points", killed, 300),
    Fault("up-interrupted", "`pulumi up` is interrupted by Ctrl-C while it waits for a runner", interrupted, 200),
    Fault("two-ups", "two `pulumi up` of one stack at once", doubled, 200),
    Fault("state-away", "the state's S3 server is away when `pulumi up` begins", without_state, 300),
)
