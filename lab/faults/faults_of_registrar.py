"""The registrar killed, away, doubled and frozen while runners register, leave and work."""

import time
from functools import partial
from typing import Final

from lab.faults import registrar
from lab.faults.fault import Fault, Observation
from lab.faults.scene import Scene
from lab.faults.stage import CROWD, WORKER
from lab.faults.work import Work

POINTS: Final = 10


def names(scene: Scene) -> set[str]:
    """The pods of the crowd."""
    return {pod.name for pod in scene.pods.of(CROWD)}


def born(scene: Scene, before: set[str]) -> bool:
    """Whether there is a pod that was not there before."""
    return bool(names(scene) - before)


def killed_around(step: float, from_birth: bool) -> Fault:
    """An idle runner is deleted, and the registrar killed some steps after that, or after its successor's birth."""

    def run(scene: Scene) -> Observation:
        long = scene.begin(WORKER, 90)
        recoveries = []
        for point in range(POINTS):
            others = names(scene)
            scene.pods.delete(scene.idle(CROWD)[0].name)
            if from_birth:
                scene.until("a successor is born", partial(born, scene, others), 20)
            time.sleep(point * step)
            registrar.kill(scene)
            short = scene.push(CROWD, 1)
            registrar.until_serving(scene)
            recoveries.append(scene.until_serving())
            scene.conclude(short, 40)
        scene.until_serving()
        scene.conclude(long, 120)
        scene.until_quiet()
        seen = (
            f"killed from 0.0 to {step * (POINTS - 1):.1f} s after {'a pod was made' if from_birth else 'the deletion'}"
        )
        return Observation(seen, max(recoveries))

    what = "registration" if from_birth else "retirement"
    return Fault(f"registrar-killed-in-{what}", f"the registrar's pod is killed at ten points of a {what}", run, 420)


def away(scene: Scene) -> Observation:
    """For a minute: one job ends meanwhile, one goes on, one waits, and a pod starts."""
    ends, lasts = scene.begin(WORKER, 15), scene.begin(WORKER, 75)
    registrar.scale(scene, 0)
    scene.pods.delete(scene.idle(CROWD)[0].name)
    time.sleep(60)
    registrar.scale(scene, 1)
    back = time.monotonic()
    scene.until_serving()
    recovery = time.monotonic() - back
    for work in (ends, lasts):
        scene.conclude(work, 60)
    return Observation("what ran ended, what started waited in its init container", recovery)


def doubled(scene: Scene) -> Observation:
    """For ten seconds, while runners register and leave."""
    work = scene.begin(WORKER, 15)
    registrar.scale(scene, 2)
    registrar.until_serving(scene, 2)
    end = time.monotonic() + 10
    shorts: list[Work] = []
    while time.monotonic() < end:
        scene.pods.delete(scene.idle(CROWD)[0].name)
        shorts.append(scene.push(CROWD, 1))
        time.sleep(2)
    registrar.scale(scene, 1)
    recovery = scene.until_serving()
    registrar.until_serving(scene)
    for one in (*shorts, work):
        scene.conclude(one, 60)
    scene.until_quiet()
    return Observation(f"{len(shorts)} runners left and as many came meanwhile", recovery)


def frozen(scene: Scene) -> Observation:
    """Its process stands still for twenty seconds and goes on as if nothing had been."""
    work = scene.begin(WORKER, 25)
    scene.latched(work)
    container = registrar.freeze(scene)
    try:
        scene.pods.delete(scene.idle(CROWD)[0].name)
        time.sleep(20)
    finally:
        registrar.thaw(container)
    recovery = scene.until_serving()
    scene.conclude(work, 60)
    return Observation(f"restarts of its container: {registrar.restarts(scene)}", recovery)


FAULTS: Final = (
    killed_around(0.3, from_birth=True),
    killed_around(0.3, from_birth=False),
    Fault("registrar-away-60s", "the registrar is away for 60 s: jobs end and go on, and a pod starts", away, 240),
    Fault("two-registrars-10s", "two registrars work for 10 s while runners register and leave", doubled),
    Fault("registrar-frozen-20s", "the registrar's process stands still for 20 s", frozen),
)
