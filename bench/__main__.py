"""Measures `pulumi up` side by side with the same objects declared by hand, and the waits that a user feels.

Needs the lab (`make lab-up`; it is started where it is not up). Everything that is made is destroyed again. Sides take
turns, so that a busy machine is busy for both; medians are told with their spread. Two kinds of node: `real` starts
containers that register at the forge; `stand-in` is a node on which no container runs and every pod is online as soon
as it is placed, so that what remains is the engine, the provider and the wait.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import yaml

from bench import journeys, stand_in_node
from bench.birth_to_online import Observer
from bench.contest import SIDES, Contest
from bench.figures import Duel, Figure, table
from bench.stand_in_node import StandInNode
from bench.workshop import Workshop
from lab import cluster, environment
from lab.errors import LabError
from lab.trial.deadline import until
from lab.trial.kubernetes import KubernetesApi
from lab.trial.pools import gpus
from lab.trial.repository import Repository
from lab.trial.stack import Stack

STAND_IN_NAMESPACE = "gpu-runners-bench-stand-in"
NAMESPACE = "gpu-runners-bench"
REPOSITORY = "mlops/bench"


def main(arguments: list[str]) -> int:
    """Runs the benchmark; prints progress and, last, the table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5, help="samples per figure (5)")
    parser.add_argument("--sizes", type=_sizes, default=(1, 10, 50), help="pools on the stand-in node (1,10,50)")
    parser.add_argument("--real-sizes", type=_sizes, default=(1, 10, 30), help="pools of real runners (1,10,30)")
    parser.add_argument("--demo-runs", type=int, help="samples of the whole demo (as --runs; 0: leave it out)")
    chosen = parser.parse_args(arguments)
    # As under `&` in a script: the engine stops its language host by SIGINT, and would wait 5 s for nothing.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return _measure(chosen)
    except LabError as error:  # the lab, a command on it or a wait for it
        print(f"error: {error}", file=sys.stderr)
        return 1


def _measure(chosen: argparse.Namespace) -> int:
    cluster.up(_say)
    duels: list[Duel] = []
    figures: list[Figure] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        backend = folder / "state"
        backend.mkdir()
        variables = {**environment.load(), "PULUMI_BACKEND_URL": f"file://{backend}"}
        api = KubernetesApi()
        stack.callback(api.close)
        workshop = Workshop(api, folder, variables, chosen.runs)
        if chosen.sizes:
            with StandInNode(api), _stand_in_namespace(api):
                placement = gpus(1, product=stand_in_node.PRODUCT)
                duels += [
                    _duel(workshop, Contest(STAND_IN_NAMESPACE, size, placement), "stand-in") for size in chosen.sizes
                ]
        with _platform(workshop) as repository:
            observer = Observer(api, NAMESPACE)
            duels += [_duel(workshop, Contest(NAMESPACE, size, None), "real") for size in chosen.real_sizes]
            figures += journeys.between_jobs(workshop, repository, NAMESPACE, observer)
        demo_runs = chosen.runs if chosen.demo_runs is None else chosen.demo_runs
        figures += journeys.demo(demo_runs, _say)
    print(f"\n{table(duels, figures)}")
    return 0


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part)


def _duel(workshop: Workshop, contest: Contest, node: str) -> Duel:
    samples: dict[str, list[float]] = {side: [] for side in SIDES}
    templates = []
    stacks = {side: contest.stack(side, workshop) for side in SIDES}
    for run in range(workshop.runs):
        for side in SIDES if run % 2 == 0 else reversed(SIDES):
            outcome = stacks[side].up().succeeded()
            samples[side].append(outcome.seconds)
            templates.append(contest.templates(workshop.api))
            _say(f"{node}, {contest.size} pools, {side}: {outcome.seconds:.2f} s")
            stacks[side].destroy().succeeded()
            path = f"/api/v1/namespaces/{contest.namespace}/pods"
            until("the pods are gone", lambda: not workshop.api.items(path), 120)  # noqa: B023 - called at once
    for template in templates:
        if differing := [name for name in template if template[name] != templates[0].get(name)]:
            name = differing[0]
            raise LabError(
                "the Deployments were not the same on both sides and in every run, so the comparison means nothing "
                f"(did the program change meanwhile?): {name} was {templates[0].get(name)}, then {template[name]}"
            )
    what = f"{contest.size} pool{'s' if contest.size > 1 else ''}, {node}"
    return Duel(what, *(Figure(what, samples[side]) for side in SIDES))


@contextmanager
def _stand_in_namespace(api: KubernetesApi) -> Iterator[None]:
    """A namespace in which pods of pools can be made, without a registrar that would look at them."""
    path = f"/api/v1/namespaces/{STAND_IN_NAMESPACE}"
    until("the former namespace is gone", lambda: api.find(path) is None, 60)
    api.create("/api/v1/namespaces", {"metadata": {"name": STAND_IN_NAMESPACE}})
    try:
        api.create(f"{path}/serviceaccounts", {"metadata": {"name": "runner"}})
        yield
    finally:
        api.delete(path)
        until("the namespace is gone", lambda: api.find(path) is None, 60)


@contextmanager
def _platform(workshop: Workshop) -> Iterator[Repository]:
    """The registrar, the namespace and the repository of real runners."""
    variables, own = workshop.variables, workshop.folder / "platform"
    own.mkdir()
    repository = Repository(variables["FORGE_URL"], variables["FORGE_TOKEN"], REPOSITORY)
    repository.make_anew()
    config = yaml.safe_load((Path(__file__).resolve().parent / "platform.yaml").read_text())["config"]
    stack = Stack.make("bench-platform", config, own, variables)
    try:
        stack.up().succeeded()
        yield repository
    finally:
        stack.destroy().succeeded()
        repository.drop()
        repository.close()


_STARTED = time.monotonic()


def _say(line: str) -> None:
    print(f"[{time.monotonic() - _STARTED:6.1f} s] {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
