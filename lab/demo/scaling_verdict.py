"""Whether the demo of a pool that follows the queue proved what it claims: from zero to n and back. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from lab.demo.job_log import Evidence
from lab.demo.snapshot import Job, Pod
from lab.demo.verdict import NO_GPU


@dataclass(frozen=True)
class Facts:
    """All that is known at the end. `before`: the pool's pods before the run; `most`: at the same time; `left`: after.

    `began` is in seconds since the epoch; `stored` says of each DVC output whether the remote has it.
    """

    began: float
    wanted: int
    before: tuple[str, ...]
    jobs: Mapping[str, Job]
    pods: Mapping[str, Pod]
    most: int
    pool: str
    evidence: Mapping[str, Evidence]
    stored: Mapping[str, bool]
    left: tuple[str, ...]
    trigger: str = "push"


def problems(facts: Facts) -> list[str]:
    """Every claim that does not hold, as a sentence; empty when the demo succeeded."""
    return [*_of_the_pool(facts), *_of_jobs(facts), *_of_the_training(facts)]


def proof(facts: Facts) -> str:
    """What was shown."""
    runners = ", ".join(sorted({job.runner for job in facts.jobs.values()}))
    way = f"the pool {facts.pool} went from 0 to {facts.wanted} runners and back to 0"
    own = f"each on a pod of its own made after the {facts.trigger} ({runners})"
    return f"proved: {way} for {len(facts.jobs)} jobs, {own}; in the DVC remote: {', '.join(facts.stored)}."


def _of_the_pool(facts: Facts) -> Iterator[str]:
    if facts.before:
        yield f"the pool {facts.pool} was not at zero before the {facts.trigger}: {', '.join(facts.before)}"
    if facts.most < facts.wanted:
        yield f"the pool {facts.pool} had {facts.most} pods at the same time, not {facts.wanted}"
    if facts.left:
        yield f"the pool {facts.pool} is not at zero again: {', '.join(facts.left)} still there"


def _of_jobs(facts: Facts) -> Iterator[str]:
    if len(facts.jobs) != facts.wanted:
        yield f"the run had {len(facts.jobs)} jobs, not {facts.wanted}"
    runners = [job.runner for job in facts.jobs.values()]
    if len(set(runners)) != len(runners):
        yield f"two jobs ran on one runner: {', '.join(sorted(runners))}"
    for name, job in facts.jobs.items():
        pod = facts.pods.get(job.runner)
        if job.conclusion != "success":
            yield f"job {name} ended as {job.conclusion or job.status}"
        elif pod is None or pod.pool != facts.pool:
            yield f"job {name} ran on {job.runner or 'an unnamed runner'}, which is no pod of pool {facts.pool}"
        elif datetime.fromisoformat(pod.created).timestamp() < int(facts.began):
            yield f"job {name} ran on {pod.name}, which was created before the {facts.trigger} ({pod.created})"


def _of_the_training(facts: Facts) -> Iterator[str]:
    for name, evidence in facts.evidence.items():
        if evidence.gpus in NO_GPU:
            yield f"job {name} saw no GPU: NVIDIA_VISIBLE_DEVICES was '{evidence.gpus}'"
        if not evidence.steps_of_training:
            yield f"job {name} did not train"
    if not facts.stored:
        yield "no job printed a dvc.lock with outputs"
    for path, is_stored in facts.stored.items():
        if not is_stored:
            yield f"{path} is not in the DVC remote"
