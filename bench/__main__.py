"""Measures `pulumi up` beside the flat program, helm and kubectl, and the waits that a user feels: `make bench`.

Needs the lab (it is started where it is not up). Everything that is made is taken away again. Subjects take turns, so
that a busy machine is busy for all. Each part has a share of the minutes; what found no time is told on the page.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Protocol

from bench import places, report, stand_in_node
from bench.budget import Budget
from bench.contest import Contest
from bench.demo import Demo
from bench.latency import Latency
from bench.measurement import UP_INSTANT, UP_REAL, Measurement
from bench.page import SIZES, page, plots
from bench.report import Part
from bench.reviews import Reviews
from bench.stand_in_node import StandInNode
from bench.ups import Ups
from bench.workshop import Workshop
from lab import build, cluster, environment, keda, paths
from lab.errors import LabError
from lab.trial.kubernetes import KubernetesApi
from lab.trial.pools import gpus

# The largest and the smallest share what all of it may take: what a part leaves, the next ones have.
SHARES: Final = {"instant": 0.34, "real": 0.34, "latency": 0.14, "demo": 0.08, "review": 0.10}
MINUTES: Final = 25.0
# For what comes after a part's last run: taking everything away.
RESERVE_SECONDS: Final = 60.0
PAGE: Final = paths.REPOSITORY / "docs" / "benchmarks" / "speed.md"
STAND_IN_NAMESPACE: Final = "gpu-runners-bench-stand-in"
EMPTY_NAMESPACE: Final = "gpu-runners-bench-empty"


class Measuring(Protocol):
    """A part of the benchmark while it runs."""

    def run(self, budget: Budget) -> Iterator[str]:
        """Measures while there is time, and says what."""

    def measurements(self) -> list[Measurement]:
        """What there is by now."""


def main(arguments: list[str]) -> int:
    """Runs the benchmark, and writes after each part; 1 where a part failed."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5, help="samples per figure, where there is time (5)")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="for all parts together (25)")
    parser.add_argument("--parts", type=_parts, default=tuple(SHARES), help=f"some of {','.join(SHARES)} (all)")
    for name, measure in (("--sizes", UP_INSTANT), ("--real-sizes", UP_REAL)):
        parser.add_argument(name, type=_sizes, default=SIZES[measure], help=f"pools of {measure} (%(default)s)")
    parser.add_argument("--review-sizes", type=_sizes, default=(10, 50, 100), help="pools of reviews (%(default)s)")
    parser.add_argument("--page", action="store_true", help="write the page anew from bench/samples.json, and no more")
    chosen = parser.parse_args(arguments)
    if chosen.page:
        _write(report.load())
        return 0
    # As under `&` in a script: the engine stops its language host by SIGINT, and would wait 5 s for nothing.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        cluster.up(_say)
        build.build_all(_say, ("helm",))
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return _measure(chosen)


def _measure(chosen: argparse.Namespace) -> int:
    parts, failed = report.load(), False
    end = time.monotonic() + chosen.minutes * 60
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        (folder / "state").mkdir()
        variables = {**environment.load(), "PULUMI_BACKEND_URL": f"file://{folder / 'state'}"}
        # As on most machines: this program has more files to compile than the flat one.
        variables.pop("PYTHONDONTWRITEBYTECODE", None)
        api = KubernetesApi()
        stack.callback(api.close)
        workshop = Workshop(api, folder, variables, chosen.runs)
        left = sum(SHARES[name] for name in chosen.parts)
        for name in chosen.parts:
            seconds = (end - time.monotonic()) * SHARES[name] / left - RESERVE_SECONDS
            left -= SHARES[name]
            parts[name], ended_well = _part(name, PARTS[name], workshop, chosen, Budget(seconds))
            failed = failed or not ended_well
            _write({name: parts[name] for name in SHARES if name in parts})
    return 1 if failed else 0


def _part(name: str, make: "Make", workshop: Workshop, chosen: argparse.Namespace, budget: Budget) -> tuple[Part, bool]:
    """What a part measured, and whether it came to its end; what it had measured before it failed counts."""
    busy, remarks, error = report.busy_cores(), [], ""
    measuring: Measuring | None = None
    _say(f"{name}: {busy:.1f} cores are busy with other things")
    try:
        with ExitStack() as stack:
            measuring = make(stack, workshop, chosen)
            for line in measuring.run(budget):
                _say(line)
                if "no time left" in line:
                    remarks.append(line)
    except LabError as failure:
        error = str(failure)
        print(f"error: {name}: {error}", file=sys.stderr)
        remarks.append(f"failed: {error.splitlines()[0]}")
    measurements = measuring.measurements() if measuring else []
    return Part(name, report.today(), os.cpu_count() or 1, busy, measurements, remarks), not error


def _instant(stack: ExitStack, workshop: Workshop, chosen: argparse.Namespace) -> Measuring:
    stack.enter_context(StandInNode(workshop.api))
    stack.enter_context(places.plain_namespace(workshop.api, STAND_IN_NAMESPACE))
    placement = gpus(1, product=stand_in_node.PRODUCT)
    contests = [Contest(STAND_IN_NAMESPACE, size, placement) for size in chosen.sizes]
    return Ups(workshop, UP_INSTANT, contests, quiet=True)


def _real(stack: ExitStack, workshop: Workshop, chosen: argparse.Namespace) -> Measuring:
    stack.enter_context(places.platform(workshop, "real", follows_queue=False))
    contests = [Contest(places.NAMESPACE, size, None) for size in chosen.real_sizes]
    return Ups(workshop, UP_REAL, contests, quiet=False)


def _latency(stack: ExitStack, workshop: Workshop, _: argparse.Namespace) -> Measuring:
    keda.up(_say)
    stack.enter_context(places.plain_namespace(workshop.api, EMPTY_NAMESPACE))
    repository = stack.enter_context(places.platform(workshop, "latency", follows_queue=True))
    return Latency(workshop, repository, places.NAMESPACE, EMPTY_NAMESPACE)


def _demo(_: ExitStack, workshop: Workshop, __: argparse.Namespace) -> Measuring:
    return Demo(workshop.runs)


def _review(_: ExitStack, workshop: Workshop, chosen: argparse.Namespace) -> Measuring:
    own = workshop.folder / "review"
    own.mkdir()
    return Reviews(own, workshop.variables, chosen.review_sizes, workshop.runs)


Make = Callable[[ExitStack, Workshop, argparse.Namespace], Measuring]
PARTS: Final[Mapping[str, Make]] = {
    "instant": _instant, "real": _real, "latency": _latency, "demo": _demo, "review": _review,
}  # fmt: skip


def _write(parts: Mapping[str, Part]) -> None:
    kept = report.write(parts)
    PAGE.write_text(page(kept))
    for file, text in plots(kept).items():
        (PAGE.parent / file).write_text(text)


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(sorted(int(part) for part in text.split(",") if part))
    if not sizes or sizes[0] < 1:
        raise argparse.ArgumentTypeError(f"{text!r} names no numbers of pools, e.g. 1,10,30")
    return sizes


def _parts(text: str) -> tuple[str, ...]:
    wanted = text.split(",")
    if unknown := [name for name in wanted if name not in SHARES]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(SHARES)}")
    return tuple(name for name in SHARES if name in wanted)


_STARTED = time.monotonic()


def _say(line: str) -> None:
    print(f"[{time.monotonic() - _STARTED:6.1f} s] {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
