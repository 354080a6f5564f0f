"""The registrar killed, away, doubled and frozen while runners register, leave and work."""

import time
from collections.abc import Callable
from functools import partial
from typing import Final

from lab.errors import LabError
from lab.faults import registrar
from lab.faults.fault import Fault, Observation
from lab.faults.scene import Scene
from lab.faults.stage import CROWD, WORKER
from lab.faults.work import Work

POINTS: Final = 10
AWAY_SECONDS: Final = 60.0
BIRTH_SECONDS: Final = 60.0

Over = Callable[[], bool]
Begin = Callable[[Scene], Over]


def names(scene: Scene) -> set[str]:
    """The pods of the crowd."""
    return {pod.name for pod in scene.pods.of(CROWD)}


def born(scene: Scene, before: set[str]) -> bool:
    """Whether there is a pod that was not there before."""
    return bool(names(scene) - before)


def killed_in(what: str, begin: Begin) -> Fault:
    """The registrar is killed at points that are spread over the time which one undisturbed takes here and now."""

    def run(scene: Scene) -> Observation:
        over = begin(scene)
        started = time.monotonic()
        scene.until(f"an undisturbed {what} is over", over, BIRTH_SECONDS)
        lasts = time.monotonic() - started
        scene.until_serving()
        long = scene.begin(WORKER, 60)
        recoveries, shorts, inside = [], [], 0
        for point in range(POINTS):
            over = begin(scene)
            time.sleep(point * lasts / (POINTS - 1))
            inside += not over()
            registrar.kill(scene)
            struck = time.monotonic()
            shorts.append(scene.push(CROWD, 1))
            registrar.until_serving(scene)
            scene.until_serving()
            recoveries.append(time.monotonic() - struck)
        for short in (*shorts, long):
            scene.conclude(short, 120)
        scene.until_quiet()
        return Observation(
            f"killed from 0.0 to {lasts:.1f} s after its beginning, {inside} of {POINTS} before it was over",
            max(recoveries),
        )

    return Fault(f"registrar-killed-in-{what}", f"the registrar is killed at ten points of a {what}", run, 540)


def begin_registration(scene: Scene) -> Over:
    """A pod is made; over when a pod that was not there before is online."""
    others = names(scene)
    scene.delete_idle(CROWD)
    scene.until("a pod is made", partial(born, scene, others), BIRTH_SECONDS)
    return lambda: any(pod.online for pod in scene.pods.of(CROWD) if pod.name not in others)


def begin_retirement(scene: Scene) -> Over:
    """An idle runner's pod is deleted; over when it is gone."""
    name = scene.delete_idle(CROWD)
    return lambda: scene.pods.find(name) is None


def away(scene: Scene) -> Observation:
    """For a minute: one job ends meanwhile, one goes on, and a pod starts."""
    ends, lasts = scene.begin(WORKER, 15), scene.begin(WORKER, 75)
    registrar.scale(scene, 0)
    registrar.until_serving(scene, 0)
    gone = time.monotonic()
    others = names(scene)
    scene.delete_idle(CROWD)
    try:
        scene.until("a pod waits", partial(born, scene, others), BIRTH_SECONDS)
        time.sleep(max(0.0, gone + AWAY_SECONDS - time.monotonic()))
        waiting = [pod for pod in scene.pods.of(CROWD) if pod.name not in others]
        if any(pod.online for pod in waiting):
            raise LabError("a pod was registered while there was no registrar")
    finally:
        registrar.scale(scene, 1)
    back = time.monotonic()
    scene.until_serving()
    recovery = time.monotonic() - back
    for work in (ends, lasts):
        scene.conclude(work, 60)
    phases = ", ".join(pod.phase for pod in waiting)
    return Observation(f"after {back - gone:.0f} s the pod that started meanwhile was {phases}, not online", recovery)


def doubled(scene: Scene) -> Observation:
    """For ten seconds, while runners register and leave."""
    work = scene.begin(WORKER, 15)
    shorts: list[Work] = []
    registrar.scale(scene, 2)
    try:
        registrar.until_serving(scene, 2)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            scene.delete_idle(CROWD)
            shorts.append(scene.push(CROWD, 1))
            time.sleep(2)
    finally:
        registrar.scale(scene, 1)
    recovery = scene.until_serving()
    registrar.until_serving(scene)
    for short in (*shorts, work):
        scene.conclude(short, 60)
    scene.until_quiet()
    return Observation(f"{len(shorts)} runners left and as many came meanwhile", recovery)


def frozen(scene: Scene) -> Observation:
    """Its process stands still for twenty seconds and goes on as if nothing had been."""
    work = scene.begin(WORKER, 25)
    scene.latched(work)
    container = registrar.freeze(scene)
    try:
        scene.delete_idle(CROWD)
        time.sleep(20)
    finally:
        registrar.thaw(container)
    recovery = scene.until_serving()
    scene.conclude(work, 60)
    return Observation(f"restarts of its container: {registrar.restarts(scene)}", recovery)


FAULTS: Final = (
    killed_in("registration", begin_registration),
    killed_in("retirement", begin_retirement),
    Fault("registrar-away-60s", "the registrar is away for 60 s: jobs end and go on, and a pod starts", away, 240),
    Fault("two-registrars-10s", "two registrars work for 10 s while runners register and leave", doubled),
    Fault("registrar-frozen-20s", "the registrar's process stands still for 20 s", frozen),
)
