"""What a user waits for: a runner after its pod's birth, the next runner after a job, a training step after a push."""

import re
import subprocess
import sys
from collections.abc import Callable

from bench.birth_to_online import Observer
from bench.figures import Figure
from bench.workshop import Workshop
from lab import paths
from lab.trial.deadline import until
from lab.trial.ledger import Ledger, say
from lab.trial.pods import Pods
from lab.trial.pools import pool, pools_config
from lab.trial.repository import Repository
from lab.trial.stack import Stack
from lab.trial.workflow import one_job, push

POOL = "journeys"
NEXT_RUNNER_SECONDS = 30.0
DEMO_SECONDS = 600
_TRAINING = re.compile(r"^first training step\s+([\d.]+) s", re.MULTILINE)


def between_jobs(workshop: Workshop, repository: Repository, namespace: str, observer: Observer) -> list[Figure]:
    """Job end to next runner online, push to first step, and birth to online of every real pod of this benchmark."""
    own = workshop.folder / POOL
    own.mkdir()
    config = {**pools_config(pool(POOL)), "gpu-runners:namespace": namespace}
    stack = Stack.make(f"bench-{POOL}", config, own, workshop.variables)
    ledger = Ledger()
    pods = Pods(workshop.api, namespace, repository)
    starts: list[float] = []
    gaps: list[float] = []
    try:
        stack.up().succeeded()
        for number in range(workshop.runs):
            pods.until_ready(POOL, 1)
            began, ended = f"began-{number}", f"ended-{number}"
            run = push(repository, one_job(POOL, f"{say(began, 'now')}\nsleep 1\n{say(ended, 'now')}"))
            ledger.until(ended, bool, NEXT_RUNNER_SECONDS)
            end = ledger.about(ended)[0].at
            online = until("the next runner is online", lambda: observer.first_online_after(end), NEXT_RUNNER_SECONDS)  # noqa: B023 - called at once
            gaps.append(online - end)
            starts.append(ledger.about(began)[0].at - run.pushed)
            run.until_done(NEXT_RUNNER_SECONDS)
    finally:
        ledger.close()
        stack.destroy().succeeded()
    return [
        Figure("pod created → online at the forge", observer.seconds()),
        Figure("job's last step ends → next runner online", gaps),
        Figure("push → first step on an idle runner", starts),
    ]


def demo(runs: int, say_line: Callable[[str], None]) -> list[Figure]:
    """Push to first training step, from the closing table of the whole demo, GPU runner made on the way."""
    samples = []
    for _ in range(runs):
        done = subprocess.run(
            [sys.executable, "-m", "lab.demo"], cwd=paths.REPOSITORY, capture_output=True, text=True, check=False,
            timeout=DEMO_SECONDS,
        )  # fmt: skip
        found = _TRAINING.search(done.stdout)
        if done.returncode != 0 or found is None:
            raise SystemExit(f"error: the demo failed:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
        samples.append(float(found[1]))
        say_line(f"demo: first training step {samples[-1]:.1f} s after the push")
    return [Figure("push → first training step on a GPU runner made for it", samples)] if samples else []
