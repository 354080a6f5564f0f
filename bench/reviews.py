"""Measures the review of a stack as it grows: `python -m bench.reviews`. Needs the lab; destroys what it made.

The pools have no replicas: a review reads what is declared and what is live, and of pods only that their ReplicaSets
own them. The registrar, its forge and the other stack of the backend are real and take part.
"""

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab import cluster, environment, paths
from lab.errors import LabError
from lab.trial.pools import gpus, pool, pools_config
from lab.trial.repository import Repository
from lab.trial.stack import Stack

SPACE = "review-bench"
REPOSITORY = "mlops/review-bench"
DEADLINE_SECONDS = 300


def main(arguments: list[str]) -> int:
    """Prints one Markdown row per size: the median, the spread, and the seconds that one more pool costs."""
    parser = argparse.ArgumentParser(prog="python -m bench.reviews", description=__doc__)
    parser.add_argument("--sizes", default="1,10,50,100", help="numbers of pools (1,10,50,100)")
    parser.add_argument("--runs", type=int, default=3, help="samples per size (3)")
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    cluster.up(lambda line: print(line, file=sys.stderr))
    variables = environment.load()
    print("| pools | review | spread | per pool |\n|---|---|---|---|", flush=True)
    first: tuple[int, float] | None = None
    try:
        with tempfile.TemporaryDirectory(prefix="bench-review-") as folder, _stack(Path(folder), variables) as stack:
            for size in map(int, chosen.sizes.split(",")):
                stack.configure(_pools(size))
                stack.up().succeeded()
                samples = [_review(stack) for _ in range(chosen.runs)]
                median = statistics.median(samples)
                first = first or (size, median)
                growth = f"{(median - first[1]) / (size - first[0]):.3f} s" if size > first[0] else "–"  # noqa: RUF001
                print(f"| {size} | {median:.2f} s | {min(samples):.2f}-{max(samples):.2f} | {growth} |", flush=True)
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _review(stack: Stack) -> float:
    """Seconds of a review that must find nothing."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "gpu_runners", "review", stack.name, "--config-file", str(stack.config_file)],
        cwd=paths.REPOSITORY,
        env=dict(stack.environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
    )
    if done.returncode != 0:
        raise LabError(f"the review found something: {done.stdout[-1500:]}{done.stderr[-500:]}")
    return time.monotonic() - started


@contextmanager
def _stack(folder: Path, variables: Mapping[str, str]) -> Iterator[Stack]:
    """A stack of pools beside the platform that they need."""
    (folder / "state").mkdir()
    backend = {**variables, "PULUMI_BACKEND_URL": f"file://{folder / 'state'}"}
    repository = Repository(variables["FORGE_URL"], variables["FORGE_TOKEN"], REPOSITORY)
    repository.make_anew()
    places = [folder / name for name in ("platform", "pools")]
    for place in places:
        place.mkdir()
    platform = Stack.make("review-bench-platform", _platform(variables["FORGE_URL"]), places[0], backend)
    pools = Stack.make("review-bench", _pools(1), places[1], backend)
    try:
        platform.up().succeeded()
        yield pools
    finally:
        pools.destroy()
        platform.destroy().succeeded()
        repository.drop()
        repository.close()


def _platform(forge_url: str) -> dict[str, Any]:
    environments = [{"namespace": SPACE, "quota": {"gpus": 0}, "egress": [{"cidr": "10.85.0.1/32", "ports": [3000]}]}]
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


def _pools(count: int) -> dict[str, Any]:
    pools = [pool(f"pool-{number}", replicas=0, gpu=gpus(1)) for number in range(count)]
    return pools_config(*pools) | {"gpu-runners:namespace": SPACE}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
