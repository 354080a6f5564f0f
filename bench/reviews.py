"""Measures the review of a stack as it grows: `python -m bench.reviews`. Needs the lab; destroys what it made.

The pools have no replicas: a review reads what is declared and what is live, and of pods only that their ReplicaSets
own them. The registrar, its forge and the other stack of the backend are real and take part.
"""

import argparse
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.budget import Budget
from bench.measurement import OURS, REVIEW, Measurement, Sample
from bench.plot import Point, plot
from lab import cluster, environment, paths
from lab.errors import LabError
from lab.trial.pools import gpus, pool, pools_config
from lab.trial.repository import Repository
from lab.trial.stack import Stack

SPACE = "review-bench"
REPOSITORY = "mlops/review-bench"
DEADLINE_SECONDS = 300


GOALS = {50: 5.0, 100: 8.0}
THIS, OTHERS = "this checkout", "the other"
CPU = ", CPU"


def main(arguments: list[str]) -> int:
    """Prints one Markdown row per size: medians with their spreads, of a clock on the wall and of the CPU."""
    parser = argparse.ArgumentParser(prog="python -m bench.reviews", description=__doc__)
    parser.add_argument("--sizes", default="1,10,50,100", help="numbers of pools (1,10,50,100)")
    parser.add_argument("--runs", type=int, default=3, help="samples per size (3)")
    parser.add_argument(
        "--against", type=Path, metavar="FOLDER", help="another checkout, measured by turns with this one"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="an SVG of the medians")
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    cluster.up(lambda line: print(line, file=sys.stderr))
    variables = environment.load()
    checkouts = {THIS: paths.REPOSITORY} | ({OTHERS: chosen.against.resolve()} if chosen.against else {})
    series: dict[str, list[Point]] = {f"{name}{what}": [] for name in checkouts for what in ("", CPU)}
    print(f"| pools | {' | '.join(series)} |\n|---|{'---|' * len(series)}", flush=True)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-review-") as folder, reviewed(Path(folder), variables) as stack:
            for size in map(int, chosen.sizes.split(",")):
                stack.configure(pools_of(size))
                stack.up().succeeded()
                for name, samples in _samples(stack, checkouts, chosen.runs).items():
                    for what, seconds in zip(("", CPU), zip(*samples, strict=True), strict=True):
                        point = Point(size, statistics.median(seconds), min(seconds), max(seconds))
                        series[f"{name}{what}"].append(point)
                print(_row(size, series), flush=True)
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if chosen.plot:
        chosen.plot.write_text(plot("Review of a stack that nobody touched", series, GOALS))
    return 0


class Reviews:
    """The part of the benchmark."""

    def __init__(self, folder: Path, variables: Mapping[str, str], sizes: Sequence[int], runs: int) -> None:
        self._folder, self._variables, self._sizes, self._runs = folder, variables, sizes, runs
        self._measured: dict[int, list[Sample]] = {}

    def measurements(self) -> list[Measurement]:
        """What there is by now."""
        return [Measurement(REVIEW, OURS, size, samples) for size, samples in self._measured.items()]

    def run(self, budget: Budget) -> Iterator[str]:
        """Size after size while there is time, as each needs an `up` of its own."""
        with reviewed(self._folder, self._variables) as stack:
            for size in self._sizes:
                started = time.monotonic()
                for number in range(self._runs):
                    if not budget.fits(size):
                        yield f"review, {size} pools: no time left for run {number + 1}"
                        break
                    if number == 0:
                        stack.configure(pools_of(size))
                        stack.up().succeeded()
                    seconds, computed = review(stack, paths.REPOSITORY)
                    budget.took(size, time.monotonic() - started if number == 0 else seconds)
                    self._measured.setdefault(size, []).append(Sample(seconds, cpu={"all of it": computed}))
                    yield f"review, {size} pools: {seconds:.2f} s"


def _samples(stack: Stack, checkouts: Mapping[str, Path], runs: int) -> dict[str, list[tuple[float, float]]]:
    """By turns, so that whatever else this machine does hits all alike."""
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in checkouts}
    for _ in range(runs):
        for name, checkout in checkouts.items():
            samples[name].append(review(stack, checkout))
    return samples


def _row(size: int, series: Mapping[str, list[Point]]) -> str:
    last = [line[-1] for line in series.values()]
    cells = [f"{point.median:.2f} s ({point.least:.2f}-{point.most:.2f})" for point in last]
    return f"| {size} | {' | '.join(cells)} |"


def review(stack: Stack, checkout: Path) -> tuple[float, float]:
    """Seconds of a review, by the code of a checkout, of this one's program, that must find nothing; and the seconds
    that it and all that it started computed, which a busy machine does not stretch.
    """
    command = [sys.executable, "-m", "gpu_runners", "review", stack.name, "--folder", str(paths.REPOSITORY)]
    started, before = time.monotonic(), _computed()
    done = subprocess.run(
        [*command, "--config-file", str(stack.config_file)],
        cwd=checkout,
        env=dict(stack.environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
    )
    if done.returncode != 0:
        raise LabError(f"the review found something: {done.stdout[-1500:]}{done.stderr[-500:]}")
    return time.monotonic() - started, _computed() - before


def _computed() -> float:
    """CPU seconds of the processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def reviewed(folder: Path, variables: Mapping[str, str]) -> Iterator[Stack]:
    """A stack of pools beside the platform that they need."""
    (folder / "state").mkdir()
    backend = {**variables, "PULUMI_BACKEND_URL": f"file://{folder / 'state'}"}
    repository = Repository(variables["FORGE_URL"], variables["FORGE_TOKEN"], REPOSITORY)
    repository.make_anew()
    places = [folder / name for name in ("platform", "pools")]
    for place in places:
        place.mkdir()
    platform = Stack.make("review-bench-platform", _platform(variables["FORGE_URL"]), places[0], backend)
    pools = Stack.make("review-bench", pools_of(1), places[1], backend)
    try:
        platform.up().succeeded()
        yield pools
    finally:
        pools.destroy()
        platform.destroy().succeeded()
        repository.drop()
        repository.close()


def _platform(forge_url: str) -> dict[str, Any]:
    environments = [{"namespace": SPACE, "quota": {"gpus": 1}, "egress": [{"cidr": "10.85.0.1/32", "ports": [3000]}]}]
    return {
        "gpu-runners:forge": "gitea",
        "gpu-runners:runnerImage": "lab.local/gitea-runner:lab",
        "gpu-runners:allowImageTags": True,
        "gpu-runners:platform": {
            "scope": f"{forge_url}/{REPOSITORY}",
            "registrar": {"namespace": f"{SPACE}-system", "image": "lab.local/registrar:lab"},
            "environments": environments,
        },
    }


def pools_of(count: int) -> dict[str, Any]:
    pools = [pool(f"pool-{number}", replicas=0, gpu=gpus(1)) for number in range(count)]
    return pools_config(*pools) | {"gpu-runners:namespace": SPACE}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
