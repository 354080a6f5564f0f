"""python -m tests.registrar.load_curve: how many pods a registrar serves at a slow forge, and how long they wait.

In one process, with the registrar as it runs in its pod between the tests' stand-ins, over TLS; clients hang up after
30 seconds and come back, as the pod's script does. Prints one line for each forge, time of a call and number of pods.
"""

import argparse
import asyncio
import resource
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from registrar.forges.gitea import PACE as GITEA_PACE
from registrar.forges.github.pace import PACE as GITHUB_PACE
from tests.registrar.conftest import open_world
from tests.registrar.crowd import Crowd

PACES = {"gitea": GITEA_PACE, "github": GITHUB_PACE}


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """What to measure."""
    parser = argparse.ArgumentParser(prog="load_curve", description=__doc__)
    parser.add_argument("--forges", nargs="+", default=["gitea", "github"], choices=sorted(PACES))
    parser.add_argument("--call-seconds", nargs="+", type=float, default=[0.25, 0.5, 1.0])
    parser.add_argument("--pods", nargs="+", type=int, default=[50, 100, 200, 400])
    return parser.parse_args(argv)


async def measure(forge: str, call_seconds: float, pods: int) -> str:
    """One line of the table."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_world(Path(folder), forge, PACES[forge]) as world:
            world.gitea.delay = world.github.delay = call_seconds
            crowd = Crowd(world, pods)
            await crowd.come()
            registered = len(world.gitea.runners if forge == "gitea" else world.github.runners)
            lost = registered - pods
    waits = sorted(crowd.seconds)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (
        f"{forge:7} {call_seconds:5.2f} {pods:5} {waits[-1]:8.1f} {statistics.median(waits):8.1f} "
        f"{crowd.tries:6} {crowd.hung_up:5} {lost:5} {crowd.farthest_overtaken():9} {memory:7.0f}"
    )


async def table(options: argparse.Namespace) -> None:
    """Every combination, one after the other."""
    print("forge    call  pods    all s median s  tries hung-up nobody overtaken   MiB")
    for forge in options.forges:
        for call_seconds in options.call_seconds:
            for pods in options.pods:
                print(await measure(forge, call_seconds, pods), flush=True)


if __name__ == "__main__":
    asyncio.run(table(arguments()))
