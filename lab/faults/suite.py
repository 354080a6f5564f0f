"""Runs faults one after another, each within its deadline, and keeps each result as soon as it is there."""

import contextlib
import math
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import httpx2

from lab import node
from lab.errors import LabError
from lab.faults import machine, registrar, stage
from lab.faults.fault import Contract, Fault, Observation
from lab.faults.result import BY_CONTRACT, TRIED, Result
from lab.faults.scene import Scene

Say = Callable[[str], None]
CONCLUSION_SECONDS = 2.0
ANSWER_SECONDS = 60.0


class OverdueError(Exception):
    """The deadline of a fault has passed; no LabError, for a look that fails is one and is taken again."""


def run(
    scene: Scene, faults: Sequence[Fault], keep: Callable[[Result], None], say: Say, seconds: float = math.inf
) -> list[str]:
    """What went otherwise than it should, a line for each; `keep` gets each result at once.

    No fault is begun after so many seconds.
    """
    wrong: list[str] = []
    end = time.monotonic() + seconds
    for fault in faults:
        if time.monotonic() > end:
            say(f"{fault.name}: not begun")
            continue
        say(f"{fault.name} …")
        started = time.monotonic()
        result, trouble = tried(scene, fault)
        keep(result)
        recovered = "" if result.recovery_s is None else f", recovered after {result.recovery_s:.1f} s"
        say(f"{fault.name}: {result.jobs_lost} lost{recovered}; {time.monotonic() - started:.0f} s; {result.observed}")
        if trouble:
            wrong.append(f"{fault.name}: {trouble}")
        settle(scene)
    return wrong


def tried(scene: Scene, fault: Fault) -> tuple[Result, str]:
    """What came of a fault, and what is wrong with that, "" where nothing is."""
    scene.works.clear()
    strays = _strays(scene)
    trouble = ""
    try:
        with within(f"{fault.name} was over", fault.deadline_seconds):
            observation = fault.run(scene)
    except (LabError, httpx2.TransportError, subprocess.SubprocessError) as error:
        trouble = str(error)
        observation = Observation(f"it did not end as it should: {trouble}")
        put_right(scene)
    except BaseException:
        put_right(scene)  # interrupted, or broken itself: no result, and the lab is left whole
        raise
    jobs = [(work, work.concluded(CONCLUSION_SECONDS)) for work in scene.works]
    lost = sum(len(work.lost(ended)) for work, ended in jobs)
    twice = [name for work, _ in jobs for name in work.twice()]
    if lost > fault.loses:
        trouble = (
            trouble or f"{lost} jobs lost: {[(n, j.conclusion or j.status) for _, e in jobs for n, j in e.items()]}"
        )
    if twice:
        trouble = trouble or f"jobs ran twice: {', '.join(twice)}"
    seen = [observation.observed, _jobs_seen(sum(len(work.names) for work, _ in jobs), lost, len(twice))]
    seen += [loss_seen(fault, [scene.told(work) for work, ended in jobs if work.lost(ended)])] if lost else []
    seen.append(_strays_seen(len(_strays(scene) - strays)))
    text = "; ".join(part for part in seen if part)
    return Result(fault.name, fault.injected, text, _rounded(observation.recovery_s), lost, TRIED), trouble


def by_contract(contract: Contract) -> Result:
    """The line of a fault that cannot be tried here."""
    observed = f"{contract.observed} (`{contract.holds}`)"
    return Result(contract.name, contract.injected, observed, None, 0, BY_CONTRACT)


@contextmanager
def within(what: str, seconds: float) -> Iterator[None]:
    """Raises LabError in this thread, the main one, when the time is over."""

    def ring(_: int, __: FrameType | None) -> None:
        raise OverdueError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except OverdueError:
        raise LabError(f"waited {seconds:.0f} s until {what}") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def put_right(scene: Scene) -> None:
    """Takes back what a fault may have left when it failed in its middle."""
    scene.door.pass_on()
    machine.make_whole()
    node.kubectl("uncordon", node.NAME)
    registrar.scale(scene, 1)
    scene.stack.configure(stage.config())
    stage.despite_a_lock(scene.stack, scene.stack.up)


def settle(scene: Scene) -> None:
    """The next fault finds the lab whole and the pools idle. Raises LabError."""
    if not machine.missing():
        with contextlib.suppress(LabError):
            scene.until_idle()
            return
    put_right(scene)
    scene.until_quiet()


def _jobs_seen(jobs: int, lost: int, twice: int) -> str:
    if not jobs:
        return ""
    once = "each ran once" if not twice else f"{twice} ran twice"
    return f"{jobs - lost} of {jobs} jobs ended with success, {once}"


def loss_seen(fault: Fault, told: Sequence[bool]) -> str:
    """Why a job is lost, and whether the forge tells people so."""
    said = "the forge says so beside the commit" if all(told) else "the forge does not say so"
    return f"{fault.why}; {said}" if fault.why else said


def _strays(scene: Scene) -> frozenset[int]:
    (strays,) = scene.until("cluster and forge say what they have", lambda: (scene.strays(),), ANSWER_SECONDS)
    return strays


def _strays_seen(count: int) -> str:
    return f"registrations that the ghost rule has to take: {count}" if count else ""


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
