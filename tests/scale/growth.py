"""One registrar with many runners, nearly all of which work, while jobs come and end: its cost and its answers."""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.scale.figures import HOUR, Growth, an_hour, percentile, requests_by_verb
from tests.scale.forge_side import ForgeSide
from tests.scale.pools import Pool
from tests.scale.scene import Registrar, Scene, open_scene

JOBS_AN_HOUR: Final = 200.0
BUSY_PART: Final = 0.9  # of the runners; the others wait for a job
FILL_SECONDS: Final = 240.0
# After the registrar's start, which reads everything once: at GitHub the jobs of eight runs a second.
SETTLE_SECONDS: Final = 30.0
SETTLE_EACH_RUNNER: Final = {"gitea": 0.0, "github": 0.15}
Say = Callable[[str], None]


async def measure_growth(
    side: ForgeSide, pools: tuple[Pool, ...], *, seconds: float, seed: int, say: Say, profile: str = ""
) -> Growth:
    """The runners have been there for long when the registrar starts: whom it serves, it learns from pods and forge."""
    with tempfile.TemporaryDirectory(prefix="scale-") as folder:
        async with open_scene(Path(folder), side, pools, full=True, seed=seed) as scene:
            await _fill(scene)
            say(f"{side.kind}: {scene.runners} runners are there")
            async with scene.registrar(profile) as registrar:
                turning = asyncio.create_task(scene.kubelets.turn_over(pools, JOBS_AN_HOUR))
                try:
                    return await _window(scene, registrar, seconds, say)
                finally:
                    turning.cancel()
                    await asyncio.gather(turning, return_exceptions=True)


async def _fill(scene: Scene) -> None:
    """Until every runner is there and most have a job."""
    async with asyncio.timeout(FILL_SECONDS):
        while scene.kubelets.running < scene.runners:
            _check(scene)
            await asyncio.sleep(0.2)
    for pool in scene.pools:
        for _ in range(round(pool.runners * BUSY_PART)):
            await scene.kubelets.queue(pool)
    await scene.kubelets.latch_all()


async def _window(scene: Scene, registrar: Registrar, seconds: float, say: Say) -> Growth:
    settling = max(SETTLE_SECONDS, SETTLE_EACH_RUNNER[scene.side.kind] * scene.runners)
    polling = asyncio.create_task(scene.poll(registrar, settling + seconds))
    await asyncio.sleep(settling)
    verbs, asked, cost, began = await _verbs(scene, registrar), scene.side.requests(), registrar.cost, time.monotonic()
    begun, ended = scene.kubelets.jobs_begun, scene.kubelets.jobs_ended
    answers = await polling
    took, after, spent = time.monotonic() - began, registrar.cost, scene.side.requests()
    _check(scene)
    answers = [answer for answer in answers if answer[0] >= settling]
    for why, number in Counter(why for _, _, why in answers if why).most_common(3):
        say(f"{number} questions about the queue: {why}")
    samples = [milliseconds for _, milliseconds, _ in answers]
    return Growth(
        forge=scene.side.kind, runners=scene.runners, seconds=round(took, 1),
        percent_of_a_core=100 * (after.cpu_seconds - cost.cpu_seconds) / took,
        percent_starved=100 * (after.starved_seconds - cost.starved_seconds) / took,
        mebibytes=after.most_mebibytes,
        asked_an_hour=(spent.asked - asked.asked) * HOUR / took,
        spent_an_hour=(spent.spent - asked.spent) * HOUR / took,
        budget=scene.side.budget, turned_away=spent.turned_away,
        questions=len(samples), failed=sum(bool(why) for _, _, why in answers),
        p50_milliseconds=percentile(samples, 0.5), p99_milliseconds=percentile(samples, 0.99),
        jobs_begun=scene.kubelets.jobs_begun - begun, jobs_ended=scene.kubelets.jobs_ended - ended,
        by_verb=an_hour(verbs, await _verbs(scene, registrar), took),
    )  # fmt: skip


async def _verbs(scene: Scene, registrar: Registrar) -> dict[str, float]:
    door = scene.kubelets.door
    assert door is not None
    async with door.http.get(f"{registrar.status}/metrics") as response:
        return requests_by_verb(await response.text())


def _check(scene: Scene) -> None:
    error = scene.kubelets.failure()
    if error is not None:
        raise error
