"""python -m tests.registrar.growth: what a registrar holds after each hundred jobs, and which part of it holds that.

The registrar is the real one, in this process, between the tests' stand-ins of a cluster and GitHub. Each job has a pod
of its own; of ten pods one is killed with its job, one is deleted by force, and one is deleted without ever having had
one. Counted is what can be reached from the registrar's own objects, so that stand-ins do not count. GitHub's answers
are kept for a shorter time than in earnest, as jobs come some ten times as fast as in a soak: the curve is flat then.
"""

import argparse
import asyncio
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Final

from registrar.forges.forge import Pace
from registrar.forges.github import client
from registrar.forges.github.pace import LIMITS
from tests.github.arranged import job
from tests.registrar.conftest import World, open_world, until
from tests.registrar.stand_in_cluster import end, runner_pod, stamp, start
from values import contract

FAST: Final = Pace(burst=0.05, active=0.1, idle=0.2, census=0.3)
AT_ONCE: Final = 50  # pods
UNLIMITED: Final = replace(LIMITS, changes=1000.0, changes_at_once=1000.0, reads=10_000.0, reads_at_once=10_000.0)
KEPT_RUNS: Final = 300  # of the stand-in: whatever is older GitHub would not list either
NAMED: Final = 8  # parts of which the curve tells
LEAVES: Final = (str, bytes, int, float, bool, type(None))


def held(world: World) -> tuple[Counter[str], Counter[str]]:
    """Entries of every collection in the registrar, and bytes, both by where they are, as `JobWatch._left`."""
    entries, size = Counter[str](), Counter[str]()
    seen: set[int] = set()
    todo: deque[tuple[str, Any]] = deque([("Loop", world.loop), ("Service", world.service), ("Forge", world.forge)])
    while todo:
        where, thing = todo.popleft()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        size[where] += sys.getsizeof(thing)
        if isinstance(thing, Mapping | list | tuple | set | frozenset | deque):
            entries[where] += len(thing)
        todo.extend(_parts(where, thing))
    entries["Metrics"] = sum(len(family.samples) for family in world.metrics.registry.collect())
    return entries, size


def _parts(where: str, thing: Any) -> Iterable[tuple[str, Any]]:
    """What hangs on it, of ours or of nobody: neither servers nor tasks nor modules, which lead everywhere."""
    if isinstance(thing, LEAVES):
        return
    if isinstance(thing, Mapping):
        for key, value in list(dict.items(thing) if isinstance(thing, dict) else thing.items()):
            yield where, key
            yield where, value
    elif isinstance(thing, list | tuple | set | frozenset | deque):
        for entry in list(thing):
            yield where, entry
    if type(thing).__module__.partition(".")[0] in ("registrar", "values"):
        names = [field.name for field in fields(thing)] if is_dataclass(thing) else list(getattr(thing, "__dict__", ()))
        for name in names:
            yield f"{type(thing).__name__}.{name}", getattr(thing, name)


async def pods_come_and_go(world: World, first: int, number: int, *, pool: str = "cuda{}") -> None:
    """So many jobs, each on a pod of its own. `pool`: its pool and Deployment, by its number."""
    for begin in range(first, first + number, AT_ONCE):
        numbers = range(begin, min(begin + AT_ONCE, first + number))
        await asyncio.gather(*(_life(world, it, pool.format(it)) for it in numbers))
        _forget(world)


async def _life(world: World, number: int, pool: str) -> None:
    pod = runner_pod(f"{pool}-abc-{number:05d}")
    pod["metadata"]["labels"][contract.POOL_LABEL] = pool
    await world.cluster.create(pod)
    for _ in range(100):
        if (await world.register(pod))[0] == 200:
            break
        await asyncio.sleep(0.1)
    runner = int(pod["metadata"]["annotations"][contract.RUNNER_ID_ANNOTATION])
    world.github.come_online(runner)
    await world.cluster.put(start(pod))
    if number % 10 == 3:
        pod["metadata"]["deletionTimestamp"] = stamp(-1)
        await world.cluster.put(pod)
        await until(lambda: runner not in world.github.runners)
        await world.cluster.put(end(pod, exit_code=0), "DELETED")
        return
    world.github.run(number, job(10_000 + number, runner_id=runner))
    annotations = pod["metadata"]["annotations"]
    await until(lambda: annotations.get(contract.BUSY_ANNOTATION) == f"{10_000 + number}")
    await _end(world, number, runner, pod)
    await until(lambda: pod["metadata"]["name"] not in {name for _, name in world.cluster.pods})


async def _end(world: World, number: int, runner: int, pod: dict[str, Any]) -> None:
    if number % 10 == 5:
        await world.cluster.vanish("runners", pod["metadata"]["name"])
        _conclude(world, number, runner, "cancelled")
    elif number % 10 == 7:
        end(pod, exit_code=137)["status"]["containerStatuses"][0]["state"]["terminated"]["finishedAt"] = stamp(60)
        _conclude(world, number, runner, "failure")
        await world.cluster.put(pod)
    else:
        _conclude(world, number, runner, "success")
        await world.cluster.put(end(pod, exit_code=0))


def _conclude(world: World, number: int, runner: int, conclusion: str) -> None:
    world.github.run(number, job(10_000 + number, runner_id=runner, status="completed", conclusion=conclusion))
    world.github.world.job(10_000 + number).ended = world.github.world.clock.now()
    world.github.runners.pop(runner, None)


def _forget(world: World) -> None:
    """What would only slow the stand-ins down."""
    runs = world.github.world.runs
    for number in sorted(runs)[:-KEPT_RUNS]:
        del runs[number]
    world.cluster.events.clear()


async def curve(jobs: int, each: int) -> None:
    """Prints it."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_world(Path(folder), "github", FAST, UNLIMITED, keepFailed=0) as world:
            world.run()
            before: Counter[str] = Counter()
            for first in range(1, jobs + 1, each):
                await pods_come_and_go(world, first, each, pool="cuda")
                await until(lambda: not world.store.pods())
                entries, size = held(world)
                total, grown = sum(size.values()) / 1024, size - before
                most = ", ".join(f"{name} {size[name] / 1024:.0f}" for name, _ in grown.most_common(NAMED))
                print(f"| {first + each - 1} | {sum(entries.values())} | {total:.0f} | {most} |", flush=True)
                before = size


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.registrar.growth", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--each", type=int, default=100, help="jobs between two lines")
    parser.add_argument("--keep-seconds", type=float, default=60.0, help="that an answer of GitHub is kept")
    options = parser.parse_args()
    for name, bound in (("KEEP_SECONDS", options.keep_seconds), ("ASKED_A_SECOND", 1e6)):
        setattr(client, name, bound)  # a constant of the registrar
    print("| jobs | entries | KiB | where it grew, KiB there |\n|---|---|---|---|")
    asyncio.run(curve(options.jobs, options.each))
