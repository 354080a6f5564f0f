"""What warm runners and images pulled ahead save: `python -m bench.warm` writes docs/benchmarks/warm.md.

Needs the lab, and GPUs of its node for two runners. Each job of a pool at zero has an image of its own that no node has
ever had (`loopback_registry`); everything that is made is taken away again.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench import places, report
from bench.loopback_registry import PREFIX, Catalogue, LoopbackRegistry
from bench.witness import CREATED, ONLINE, Witness
from bench.workshop import Workshop
from lab import cluster, containers, environment, keda, paths
from lab.errors import LabError
from lab.images import containerd
from lab.trial.deadline import until
from lab.trial.kubernetes import KubernetesApi
from lab.trial.ledger import Ledger, say
from lab.trial.pods import Pods
from lab.trial.pools import IMAGE, gpus, pool, pools_config
from lab.trial.repository import Repository
from lab.trial.stack import Stack
from lab.trial.workflow import one_job

COLD: Final = "image not on the node, `min: 0`"
AHEAD: Final = "`prepull: true`, `min: 0`"
WARM: Final = "warm runner, `min: 1`"
NAMES: Final = {COLD: "cold", AHEAD: "ahead", WARM: "warm"}
IDLE_SECONDS: Final = 5
JOB_SECONDS: Final = 150.0
PULL_SECONDS: Final = 200.0
PAGE: Final = paths.REPOSITORY / "docs" / "benchmarks" / "warm.md"
BEGIN: Final = "<!-- measured -->\n"
END: Final = "<!-- end of measured -->"


@dataclass(frozen=True)
class Timed:
    """One job, in seconds. A runner that was there before its job has neither of the first two."""

    queued_to_created: float | None
    created_to_online: float | None
    push_to_step: float


class Measuring:
    """All pools in one stack, one job at a time."""

    def __init__(self, workshop: Workshop, repository: Repository, catalogue: Catalogue) -> None:
        self._workshop, self._repository = workshop, repository
        self._witness = Witness(workshop.api, places.NAMESPACE)
        self._ledger = Ledger()
        first = int(time.time())  # what an earlier try left on the node is no image of this one
        self._images = {
            f"{NAMES[kind]}-{number}": catalogue.fresh_image(first + 2 * number + second)
            for number in range(workshop.runs)
            for second, kind in enumerate((COLD, AHEAD))
        }

    def close(self) -> None:
        """The jobs are over, and their images of no use to anybody."""
        self._ledger.close()
        there = [name for name in containerd.present(containers.CTR) if name.startswith(PREFIX)]
        if there:
            containerd.forget(containers.CTR, there)

    def config(self) -> dict[str, Any]:
        """Of the stack."""
        at_zero = [
            _following(name, 0, image=image, **({"prepull": True} if name.startswith(NAMES[AHEAD]) else {}))
            for name, image in self._images.items()
        ]
        pools = pools_config(_following(NAMES[WARM], 1, image=IMAGE), *at_zero)
        return {**pools, "gpu-runners:namespace": places.NAMESPACE}

    def pulled_ahead(self) -> float:
        """Seconds until the images of all pools that say so are on the node."""
        began = time.monotonic()
        path = f"/apis/apps/v1/namespaces/{places.NAMESPACE}/daemonsets"

        def ready() -> bool:
            sets = self._workshop.api.items(path)
            states = [found["status"] for found in sets]
            return len(sets) == self._workshop.runs and all(
                0 < state["desiredNumberScheduled"] == state.get("numberReady", 0) for state in states
            )

        until("the images are pulled ahead", ready, PULL_SECONDS)
        return time.monotonic() - began

    def job(self, kind: str, number: int) -> Timed:
        """From the push to its first step. Raises LabError where it does not begin in time."""
        name = NAMES[kind] if kind == WARM else f"{NAMES[kind]}-{number}"
        if kind == WARM:
            Pods(self._workshop.api, places.NAMESPACE, self._repository).until_ready(name, 1, JOB_SECONDS)
        topic = f"began-{NAMES[kind]}-{number}"
        commit = self._repository.push_workflow(one_job(name, say(topic, "now")))
        pushed = time.time()
        until("the forge makes a run", lambda: self._repository.run_of(commit), JOB_SECONDS)
        queued = time.time()
        step = self._ledger.until(topic, bool, JOB_SECONDS)[0].at
        if kind == WARM:
            return Timed(None, None, step - pushed)
        created, online = (self._seen(what, pushed, name) for what in (CREATED, ONLINE))
        return Timed(max(0.0, created - queued), online - created, step - pushed)

    def _seen(self, what: str, after: float, name: str) -> float:
        """When; the registrar may say that a runner is online a moment after its job has begun."""
        until(f"the pod of {name} is {what}", lambda: self._witness.first(what, after, name), JOB_SECONDS)
        return self._witness.first(what, after, name) or after


def _following(name: str, least: int, **fields: Any) -> dict[str, Any]:
    declared = pool(name, gpu=gpus(1), autoscaling={"min": least, "max": 1, "idleSeconds": IDLE_SECONDS}, **fields)
    del declared["replicas"]
    return declared


def table(timed: Mapping[str, Sequence[Timed]]) -> str:
    """Medians, and every run behind them."""
    columns: Mapping[str, Callable[[Timed], float | None]] = {
        "queued → pod created": lambda t: t.queued_to_created,
        "pod created → online": lambda t: t.created_to_online,
        "push → first step": lambda t: t.push_to_step,
    }
    rows = [f"| | {' | '.join(columns)} |", f"|---{'|---:' * len(columns)}|"]
    for kind, runs in timed.items():
        cells = (_cell([value for run in runs if (value := read(run)) is not None]) for read in columns.values())
        rows.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "was there"
    return f"**{statistics.median(values):.1f} s** ({', '.join(f'{value:.1f}' for value in values)})"


def main(arguments: list[str]) -> int:
    """Measures, and writes the page; 1 where something failed."""
    parser = argparse.ArgumentParser(prog="python -m bench.warm", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="jobs of each kind (3)")
    chosen = parser.parse_args(arguments)
    try:
        cluster.up(_say)
        keda.up(_say)
        return _measure(chosen.runs)
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _measure(runs: int) -> int:
    busy = report.busy_cores()
    catalogue = Catalogue(IMAGE)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        (folder / "state").mkdir()
        variables = {**environment.load(), "PULUMI_BACKEND_URL": f"file://{folder / 'state'}"}
        api = KubernetesApi()
        stack.callback(api.close)
        workshop = Workshop(api, folder, variables, runs)
        registry = LoopbackRegistry(catalogue)
        stack.callback(registry.close)
        grants = {"prepull": True, "images": ["lab.local/", PREFIX]}
        repository = stack.enter_context(places.platform(workshop, "warm", follows_queue=True, grants=grants))
        measuring = Measuring(workshop, repository, catalogue)
        stack.callback(measuring.close)
        (folder / "warm").mkdir()
        pools = Stack.make("bench-warm", measuring.config(), folder / "warm", variables)
        stack.callback(lambda: pools.destroy().succeeded())
        pools.up().succeeded()
        ahead = measuring.pulled_ahead()
        _say(f"{runs} images were pulled ahead in {ahead:.1f} s after `up`, {registry.sent / 1e6:.0f} MB")
        timed: dict[str, list[Timed]] = {COLD: [], AHEAD: [], WARM: []}
        for number in range(runs):
            for kind, found in timed.items():
                found.append(measuring.job(kind, number))
                _say(f"{kind}: {found[-1]}")
    megabytes = catalogue.compressed_bytes() / 1e6
    _write(
        f"On {report.today()}, {busy:.1f} cores busy with other things; an image of {megabytes:.0f} MB compressed. "
        f"The median of {runs}, and each run:\n\n{table(timed)}"
    )
    return 0


def _write(measured: str) -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{measured}{END}{rest.partition(END)[2]}")


_STARTED: Final = time.monotonic()


def _say(line: str) -> None:
    print(f"[{time.monotonic() - _STARTED:6.1f} s] {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
