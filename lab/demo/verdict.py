"""Whether the demo proved what it claims: a job was trained on a GPU pod that this very run made. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from lab.demo.job_log import Evidence
from lab.demo.snapshot import Job, Pod

OWN_CLUSTER = "this runner's own"
BY_KUBECONFIG = "by the kubeconfig in the secret"
NO_GPU = {"", "void", "none"}


@dataclass(frozen=True)
class Facts:
    """All that is known at the end. `began` is when the run was started, in seconds since the epoch; `stored` says of
    each DVC output, by path, whether the remote has it; `left` are the pods of the GPU pool after the release; `access`
    is how the deploy job reached the cluster, beside how it should; `trigger` is the noun of what started the run."""

    began: float
    jobs: Mapping[str, Job]
    pods: Mapping[str, Pod]
    pool: str
    evidence: Evidence
    stored: Mapping[str, bool]
    left: tuple[str, ...] = ()
    access: str = OWN_CLUSTER
    wanted_access: str = OWN_CLUSTER
    trigger: str = "push"


def problems(facts: Facts) -> list[str]:
    """Every claim that does not hold, as a sentence; empty when the demo succeeded."""
    return [*_of_jobs(facts), *_of_the_pod(facts), *_of_the_training(facts), *_of_the_release(facts)]


def _of_jobs(facts: Facts) -> Iterator[str]:
    for name in ("deploy", "train", "release"):
        job = facts.jobs.get(name)
        if job is None:
            yield f"job {name} was never created"
        elif job.conclusion != "success":
            yield f"job {name} ended as {job.conclusion or job.status}"
    deploy = facts.jobs.get("deploy")
    if deploy and deploy.conclusion == "success" and facts.access != facts.wanted_access:
        yield f"job deploy reached the cluster '{facts.access}', not '{facts.wanted_access}'"


def _of_the_pod(facts: Facts) -> Iterator[str]:
    train = facts.jobs.get("train")
    if train is None or not train.has_started:
        return
    pod = facts.pods.get(train.runner)
    if pod is None:
        yield f"job train ran on {train.runner or 'an unnamed runner'}, which is no runner pod of the cluster"
        return
    if pod.pool != facts.pool:
        yield f"job train ran on {pod.name} of pool {pod.pool}, not of pool {facts.pool}"
    # The API server's time has whole seconds: a pod made in the second of the start may be from just before it.
    if datetime.fromisoformat(pod.created).timestamp() < int(facts.began):
        yield f"job train ran on {pod.name}, which was created before the {facts.trigger} ({pod.created})"
    if pod.gpus < 1:
        yield f"{pod.name} asked for no GPU"


def _of_the_training(facts: Facts) -> Iterator[str]:
    train = facts.jobs.get("train")
    if train is None or train.conclusion != "success":
        return
    evidence = facts.evidence
    if evidence.gpus in NO_GPU:
        yield f"job train saw no GPU: NVIDIA_VISIBLE_DEVICES was '{evidence.gpus}'"
    if "train" not in evidence.stages or not evidence.steps_of_training:
        yield "job train did not train: DVC did not run the stage train"
    if not evidence.outputs:
        yield "job train printed no dvc.lock with outputs"
    for path, is_stored in facts.stored.items():
        if not is_stored:
            yield f"{path} is not in the DVC remote"


def _of_the_release(facts: Facts) -> Iterator[str]:
    if facts.left:
        yield f"the pool {facts.pool} was not released: {', '.join(facts.left)} still there"
