"""The shape of most faults: a silent job runs, something is struck, and job and pools are looked at."""

from collections.abc import Callable

from lab.faults.fault import Observation
from lab.faults.scene import Scene
from lab.faults.stage import WORKER
from lab.faults.work import Work

CONCLUSION_SECONDS = 60.0

Strike = Callable[[Scene, Work], str]
Run = Callable[[Scene], Observation]


def a_job(
    strike: Strike, *, seconds: float = 12.0, pool: str = WORKER, conclusion_s: float = CONCLUSION_SECONDS
) -> Run:
    """`strike` is called when the job has begun and the registrar knows it, takes its fault back, says what it saw."""

    def run(scene: Scene) -> Observation:
        work = scene.begin(pool, seconds)
        scene.latched(work)
        seen = strike(scene, work)
        recovery = scene.until_serving()
        scene.conclude(work, seconds + conclusion_s)
        return Observation(seen, recovery)

    return run
