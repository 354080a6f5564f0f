"""Every pool goes from zero to all of its runners at the same moment: whether all are served, and what it cost."""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.scale.figures import AtOnce, three
from tests.scale.forge_side import ForgeSide
from tests.scale.growth import Say
from tests.scale.pools import Pool, scale
from tests.scale.scene import Scene, open_scene

PATIENCE_SECONDS: Final = 1800.0  # GitHub takes one registration a second for long: 1,000 take 17 minutes
QUIET_SECONDS: Final = 15.0  # until what was begun for a pod that hung up is undone


async def measure_at_once(
    side: ForgeSide, pools: tuple[Pool, ...], *, seed: int, say: Say, profile: str = ""
) -> AtOnce:
    """Raises TimeoutError where not all are Ready in the end."""
    with tempfile.TemporaryDirectory(prefix="scale-") as folder:
        async with (
            open_scene(Path(folder), side, pools, full=False, seed=seed) as scene,
            scene.registrar(profile) as registrar,
        ):
            before, cost, began = side.requests(), registrar.cost, time.monotonic()
            await asyncio.gather(*(scale(scene.api, pool, pool.runners) for pool in pools))
            await _until_ready(scene, say)
            took, after = time.monotonic() - began, registrar.cost
            await asyncio.sleep(QUIET_SECONDS)
            asked, crowd = side.requests(), scene.kubelets.crowd
            return AtOnce(
                forge=side.kind, pods=scene.runners, served_s=three(crowd.served), ready_s=three(crowd.gated),
                tries=crowd.tries, hung_up=crowd.hung_up, cut_off=crowd.cut_off,
                for_nobody=side.registered() - scene.runners, turned_away=asked.turned_away,
                asked=asked.asked - before.asked, spent=asked.spent - before.spent, budget=side.budget,
                most_points_a_minute=side.most_points_a_minute,
                percent_of_a_core=100 * (after.cpu_seconds - cost.cpu_seconds) / took, mebibytes=after.most_mebibytes,
            )  # fmt: skip


async def _until_ready(scene: Scene, say: Say) -> None:
    told = 0
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(scene.kubelets.crowd.gated) < scene.runners:
            error = scene.kubelets.failure()
            if error is not None:
                raise error
            ready = len(scene.kubelets.crowd.gated)
            if ready >= told + 100:
                told = ready
                say(f"{scene.side.kind}: {ready} of {scene.runners} are Ready")
            await asyncio.sleep(0.5)
