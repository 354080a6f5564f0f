"""python -m tests.registrar.load_curve: how many pods a registrar serves at a slow forge, and how long they wait.

The registrar is a process of its own, with the limits and the pace of its pod, over TLS; forge and cluster are the
tests' stand-ins. Clients hang up after 30 seconds and come back, as curl in a pod's script does; every eighth of them
hangs up long before that, three times. Prints one line for each forge, time of a call and number of pods; ends with 1
where a pod was not served, a registration is there for nobody, or a pod was passed by more that came after it than is
fair (tests/registrar/visits.py).
"""

import argparse
import asyncio
import signal
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp.test_utils import TestServer

from tests.github.arranged import TOKEN as GITHUB_TOKEN
from tests.github.arranged import ArrangedGitHub
from tests.registrar.conftest import settings_document
from tests.registrar.crowd import Crowd
from tests.registrar.registrar_process import registrar_process, write_files
from tests.registrar.stand_in_cluster import StandInCluster
from tests.registrar.stand_in_gitea import TOKEN, StandInGitea
from tests.registrar.visits import MOST_PASSED, most_passed

FORGES = ("gitea", "github")
HASTY = 8  # of so many pods one hangs up although nothing is wrong
COLUMNS = (
    "forge", "call s", "pods", "all served after s", "median s", "tries", "hung up", "cut off", "for nobody",
    "passed by", "MiB before", "MiB most",
)  # fmt: skip


@dataclass
class Place:
    """A registrar's process between stand-ins."""

    cluster: StandInCluster
    gitea: StandInGitea
    github: ArrangedGitHub
    url: str
    pid: int

    @property
    def runners(self) -> int:
        """How many are registered."""
        return len(self.gitea.runners) + len(self.github.runners)

    def mebibytes(self, field: str) -> float:
        """The registrar's memory: VmRSS now, VmHWM the most so far."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(f"{field}:")).split()[1]) / 1024


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """What to measure."""
    parser = argparse.ArgumentParser(prog="load_curve", description=__doc__)
    parser.add_argument("--forges", nargs="+", default=FORGES, choices=FORGES)
    parser.add_argument("--call-seconds", nargs="+", type=float, default=[0.25, 0.5, 1.0])
    parser.add_argument("--pods", nargs="+", type=int, default=[50, 100, 200, 400])
    return parser.parse_args(argv)


@asynccontextmanager
async def open_place(folder: Path, forge: str, call_seconds: float) -> AsyncIterator[Place]:
    """As it is when nobody has asked yet."""
    cluster, gitea, github = StandInCluster(), StandInGitea(), ArrangedGitHub()
    gitea.delay = github.delay = call_seconds
    application = gitea.application() if forge == "gitea" else github.application()
    servers = TestServer(cluster.application()), TestServer(application)
    for server in servers:
        await server.start_server()
    at_cluster, at_forge = (str(server.make_url("")).rstrip("/") for server in servers)
    url = at_forge + ("" if forge == "gitea" else "/api/v3")
    settings = settings_document(forge={"kind": forge, "url": url})
    write_files(folder, settings, token=TOKEN if forge == "gitea" else GITHUB_TOKEN, cluster=at_cluster)
    async with registrar_process(folder) as (process, address):
        yield Place(cluster, gitea, github, address, process.pid)
    cluster.break_watches()
    await asyncio.gather(*(server.close() for server in servers))


async def measure(forge: str, call_seconds: float, pods: int) -> tuple[str, bool]:
    """One line of the table, and whether every pod was served in its turn and nothing is registered for nobody."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_place(Path(folder), forge, call_seconds) as place:
            before = place.mebibytes("VmRSS")
            crowd = Crowd(place, pods, hasty=HASTY)
            await crowd.come()
            await asyncio.sleep(10 * call_seconds)  # what was begun for a client that hung up is undone by then
            for_nobody, most = place.runners - pods, place.mebibytes("VmHWM")
    waits, passed = sorted(crowd.seconds), most_passed(crowd.visits.values())
    columns = (
        forge, f"{call_seconds:.2f}", pods, f"{waits[-1]:.0f}", f"{statistics.median(waits):.0f}", crowd.tries,
        crowd.hung_up, crowd.cut_off, for_nobody, passed, f"{before:.0f}", f"{most:.0f}",
    )  # fmt: skip
    is_good = for_nobody == 0 and len(waits) == pods and passed <= MOST_PASSED
    return f"| {' | '.join(map(str, columns))} |", is_good


async def table(options: argparse.Namespace) -> int:
    """Every combination, one after the other."""
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|")
    all_good = True
    for forge in options.forges:
        for call_seconds in options.call_seconds:
            for pods in options.pods:
                line, is_good = await measure(forge, call_seconds, pods)
                all_good &= is_good
                print(line, flush=True)
    return 0 if all_good else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no registrar outlives it
    sys.exit(asyncio.run(table(arguments())))
