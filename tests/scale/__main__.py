"""Measures what a registrar costs at 10, 100 and 1,000 runners, and how 1,000 pods that start together are served.

The registrar is a process of its own against a real API server with etcd, scheduler and the controllers of Deployments,
all on loopback ports of their own (the programs are those that `make lab-up` builds; the lab itself need not be up).
The nodes and the runners on them are played by this program, the forges are the stand-ins, GitHub's with its limits on.
Writes docs/benchmarks/scale.json, scale-*.svg and the tables of scale.md; what is not measured now is kept from before.
"""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Sequence

from tests.scale.at_once import measure_at_once
from tests.scale.control_plane import ControlPlaneMissingError
from tests.scale.figures import AtOnce, Growth
from tests.scale.forge_side import ForgeSide
from tests.scale.gitea_side import GiteaSide
from tests.scale.github_side import GitHubSide
from tests.scale.growth import measure_growth
from tests.scale.page import Page
from tests.scale.pools import POOLS, Pool, pools

SIDES = {"gitea": GiteaSide, "github": GitHubSide}


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """What to measure."""
    parser = argparse.ArgumentParser(
        prog="scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--forges", nargs="*", default=tuple(SIDES), choices=tuple(SIDES))
    parser.add_argument("--sizes", nargs="*", type=int, default=[10, 100, 1000], help="runners (10 100 1000)")
    parser.add_argument(
        "--seconds", type=float, default=360.0, help="of each measurement: 20 jobs begin and end in 360"
    )
    parser.add_argument("--repositories", type=int, default=POOLS, help="whose jobs the 20 pools take (20)")
    parser.add_argument("--at-once", nargs="*", type=int, default=[], help="pods that start together")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of what is left to chance")
    parser.add_argument("--profile", default="", help="file for cProfile's figures of the registrar")
    parser.add_argument("--dry", action="store_true", help="print, write nothing")
    return parser.parse_args(argv)


def side_of(forge: str, declared: tuple[Pool, ...]) -> ForgeSide:
    """A fresh stand-in."""
    return GiteaSide(declared) if forge == "gitea" else GitHubSide(declared)


async def measure(options: argparse.Namespace) -> None:
    """Everything that was asked for, one after the other."""
    page = None if options.dry else Page()
    for forge in options.forges:
        for size in options.sizes:
            declared = pools(size, options.repositories)
            side = side_of(forge, declared)
            row = await measure_growth(
                side, declared, seconds=options.seconds, seed=options.seed, say=say, profile=options.profile
            )
            _tell(page, row)
        for size in options.at_once:
            declared = pools(size, options.repositories)
            crowd = await measure_at_once(
                side_of(forge, declared), declared, seed=options.seed, say=say, profile=options.profile
            )
            _tell(page, crowd)


def _tell(page: Page | None, row: Growth | AtOnce) -> None:
    say(str(row))
    if page is not None:
        page.take(row)


_BEGAN = time.monotonic()


def say(line: str) -> None:
    """Progress."""
    print(f"[{time.monotonic() - _BEGAN:6.1f} s] {line}", flush=True)


def main() -> int:
    """0 when all is measured, whether goals are met or not; 1 where the cluster does not start."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing outlives it
    options = arguments()
    say(f"seed {options.seed}")
    try:
        asyncio.run(measure(options))
    except ControlPlaneMissingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
