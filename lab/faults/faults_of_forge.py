"""A forge that misbehaves, for the registrar and the runners alike, in the middle of a job and across its end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from lab.errors import LabError
from lab.faults import during, forge_door, machine
from lab.faults.fault import Fault, Observation
from lab.faults.forge_door import ForgeDoor, Misbehaviour
from lab.faults.scene import UNHEARD_SECONDS, Scene
from lab.faults.stage import CROWD, DECLARED, WORKER
from lab.faults.work import Work
from lab.trial.pods import RunnerPod
from values import contract

LASTS: Final = 8.0
SHORT_SECONDS: Final = 5.0
BEFORE_SECONDS: Final = 2.0  # of the shorter job are left when it begins
LATE_SECONDS: Final = 30.0
HANG_SECONDS: Final = 90.0
LOST_SECONDS: Final = 240.0  # the registrar takes it for lost after 90
Begin = Callable[[ForgeDoor], None]

GIVES_UP: Final = "Gitea's runner gives up 60 s after the forge's last answer and ends, which no setting changes"


def like(badly: Misbehaviour) -> Begin:
    """Every request is answered like this."""
    return lambda door: door.misbehave(badly)


# What it does, how it is called, and for how many seconds.
WAYS: Final[dict[str, tuple[Begin, str, float]]] = {
    "refuses": (ForgeDoor.refuse, "the forge refuses connections", LASTS),
    "hangs": (lambda door: door.misbehave(door.hang), "the forge hangs", LASTS),
    "late-30s": (like(forge_door.late(LATE_SECONDS)), "the forge answers 30 s late", LATE_SECONDS + 5),
    "answers-500": (like(forge_door.status(500)), "the forge answers 500", LASTS),
    "answers-429": (like(forge_door.status(429, ("Retry-After", "5"))), "the forge answers 429", LASTS),
    "answers-404": (like(forge_door.status(404)), "the forge answers 404", LASTS),
    "answers-401": (like(forge_door.status(401)), "the forge answers 401", LASTS),
    "answers-garbage": (like(forge_door.garbage), "the forge answers a page of HTML", LASTS),
    "answers-half": (like(forge_door.half), "the forge's answers end in their middle", LASTS),
}  # fmt: skip


@contextmanager
def misbehaving(scene: Scene, begin: Begin) -> Iterator[None]:
    """As long as this lasts."""
    begin(scene.door)
    try:
        yield
    finally:
        scene.door.pass_on()


def around_jobs(begin: Begin, seconds: float, conclusion_s: float = 60) -> Callable[[Scene], Observation]:
    """The forge misbehaves for so long: in the middle of one job, across the end of another, and while a pod starts.

    `conclusion_s`: how long its word on a job is waited for.
    """

    def run(scene: Scene) -> Observation:
        lasts = scene.push(WORKER, seconds + SHORT_SECONDS + 4)
        ends = scene.push(WORKER, SHORT_SECONDS)
        lasts.begun()
        begun = ends.begun()["job-0"]
        time.sleep(max(0.0, begun.at + SHORT_SECONDS - BEFORE_SECONDS - time.time()))
        scene.delete_idle(CROWD)
        with misbehaving(scene, begin):
            time.sleep(seconds)
            hits = scene.door.hits
        over = time.monotonic()
        scene.conclude(ends, conclusion_s)
        scene.until_serving()
        recovery = time.monotonic() - over
        scene.conclude(lasts, seconds + conclusion_s)
        answered = f", {hits} requests" if hits else ""
        return Observation(f"for {seconds:.0f} s{answered}, while a pod started", recovery)

    return run


def restarted(_scene: Scene, _: Work) -> str:
    """Gitea itself, not the door before it."""
    return f"Gitea was not ready for {machine.restart('gitea', away=5):.1f} s"


def registration_lost(scene: Scene) -> Observation:
    """An idle runner's registration is deleted at the forge; it does not end of that by itself."""
    runner = scene.idle_runner(CROWD)
    _unregister(scene, runner)
    struck = time.monotonic()
    scene.until("the runner without a registration is gone", lambda: _is_gone(scene, runner.name), LOST_SECONDS)
    after = time.monotonic() - struck
    reasons = ", ".join(sorted(scene.events(runner.name) & {contract.RUNNER_LOST, contract.RUNNER_FAILED}))
    scene.until_serving()
    recovery = time.monotonic() - struck
    work = scene.begin(CROWD, 1, DECLARED[CROWD])
    scene.conclude(work, 60)
    return Observation(f"its pod was gone after {after:.0f} s (Event {reasons or 'none'}) and replaced", recovery)


def busy_registration_lost(scene: Scene) -> Observation:
    """A busy runner's registration is deleted at the forge, by whoever may."""
    work = scene.begin(WORKER, 10)
    pod = scene.latched(work)
    _unregister(scene, pod)
    struck = time.monotonic()
    scene.until("the runner has ended", lambda: _is_gone(scene, pod.name) or _has_ended(scene, pod.name), LOST_SECONDS)
    scene.until_serving()
    recovery = time.monotonic() - struck
    ended = any(entry.words[1:2] == ("ends",) for entry in scene.ledger.about(work.topic))
    return Observation(f"the job {'ran to its end' if ended else 'was cut off'}, and nobody could be told", recovery)


def registering(badly: Misbehaviour) -> Callable[[Scene], Observation]:
    """The next registration is done, and its answer goes wrong."""

    def run(scene: Scene) -> Observation:
        scene.door.misbehave(badly, forge_door.REGISTER, 1)
        try:
            scene.delete_idle(CROWD)
            scene.until("a registration was answered badly", lambda: scene.door.hits, 60)
        finally:
            hits = scene.door.hits
            scene.door.pass_on()
        recovery = scene.until_serving()
        work = scene.begin(CROWD, 1, 6)
        scene.conclude(work, 60)
        scene.until_quiet()
        return Observation(f"{hits} registration; the pod asked again", recovery)

    return run


def while_registering(scene: Scene) -> Observation:
    """Nobody answers at the forge for 20 s while six pods start."""
    work = scene.begin(WORKER, 30)
    old = {pod.name for pod in scene.idle(CROWD)}
    with misbehaving(scene, ForgeDoor.refuse):
        for name in old:
            scene.pods.delete(name)
        time.sleep(20)
        new = [pod for pod in scene.pods.of(CROWD) if pod.name not in old]
        waiting = [pod for pod in new if not pod.online and pod.phase == "Pending"]
    recovery = scene.until_serving()
    scene.conclude(work, 60)
    return Observation(f"{len(waiting)} of {len(new)} new pods waited in their init containers", recovery)


def _unregister(scene: Scene, pod: RunnerPod) -> None:
    """Deletes its registration at the forge. Raises LabError where it has none."""
    numbers = [runner.id for runner in scene.repository.runners() if runner.name == pod.name]
    if not numbers:
        raise LabError(f"{pod.name} is not registered at the forge")
    for number in numbers:
        scene.repository.remove_runner(number)


def _is_gone(scene: Scene, name: str) -> bool:
    return scene.pods.find(name) is None


def _has_ended(scene: Scene, name: str) -> bool:
    pod = scene.pods.find(name)
    return pod is not None and pod.phase in ("Succeeded", "Failed")


ANSWER_LOST, TWICE = registering(forge_door.unanswered), registering(forge_door.twice)

FAULTS: Final = (
    *(
        Fault(f"forge-{name}", f"{injected}, in a job and across another's end", around_jobs(way, lasts))
        for name, (way, injected, lasts) in WAYS.items()
    ),
    Fault("forge-restarted", "the forge itself is away for 5 s and starts again, in a job", during.a_job(restarted)),
    Fault(
        "forge-hangs-90s", "the forge hangs for 90 s, in a job and across another's end",
        around_jobs(WAYS["hangs"][0], HANG_SECONDS, UNHEARD_SECONDS), 420, loses=2, why=GIVES_UP,
    ),
    Fault("forge-away-while-registering", "the forge is away for 20 s while six pods start", while_registering),
    Fault("registration-answer-lost", "the forge registers a runner and its answer is lost", ANSWER_LOST),
    Fault("registered-twice", "the forge carries out a registration twice", TWICE),
    Fault("registration-lost", "an idle runner's registration is deleted at the forge", registration_lost, 420),
    Fault(
        "busy-registration-lost", "a busy runner's registration is deleted at the forge", busy_registration_lost, 420,
        loses=1, why="Gitea deletes it without a question, and takes no result from it afterwards",
    ),
)  # fmt: skip
