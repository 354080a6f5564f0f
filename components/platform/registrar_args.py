"""What a Registrar takes of whose pods it serves and how patiently, and how the program's values become it."""

from typing import NotRequired, TypedDict

from values.deadlines import Deadlines
from values.grant import Grant


class JobGrantArgs(TypedDict):
    """Jobs that may act as a ServiceAccount of the namespace while they run."""

    account: str
    """The ServiceAccount."""
    repository: str
    """`owner/repository` whose workflows these are."""
    workflows: list[str]
    """Each FILE@REF."""


class GrantArgs(TypedDict):
    """A namespace whose pods may become runners of a scope."""

    namespace: str
    """The trust zone: whoever may create pods here can obtain a runner of the scope."""
    scope: str
    """`owner/repository`, `owner`, or "" for all of the forge."""
    service_accounts: list[str]
    """Accounts whose pods are runners."""
    runner_group: NotRequired[str]
    """The forge's group for these runners, where it has groups."""
    labels: NotRequired[list[str]]
    """Runner labels that pods there may have; any where it is absent."""
    jobs: NotRequired[list[JobGrantArgs]]
    """As whom jobs on those pods may act in the cluster."""
    autoscaler: NotRequired[str]
    """The namespace of the KEDA that may scale its pools."""
    rerun_lost_jobs: NotRequired[bool]
    """Whether a job that is lost with its runner is run again, once."""


class DeadlinesArgs(TypedDict):
    """How long the registrar lets a pod take for each step, in seconds."""

    schedule_seconds: int
    """From creation to a node."""
    pull_seconds: int
    """From a node to running containers."""
    online_seconds: int
    """From a registration to the forge's list."""
    lost_seconds: int
    """From the last sign of an idle runner at the forge to its pod's deletion."""
    ghost_seconds: int
    """From the disappearance of a pod to the removal of its registration."""


def grant_args(grant: Grant, autoscaler: str | None = None) -> GrantArgs:
    """A grant as a Registrar takes it. autoscaler: the namespace of the KEDA that may scale its pools."""
    args: GrantArgs = {
        "namespace": grant.namespace,
        "scope": str(grant.scope),
        "service_accounts": list(grant.service_accounts),
    }
    if grant.runner_group is not None:
        args["runner_group"] = grant.runner_group
    if grant.labels:
        args["labels"] = sorted(grant.labels)
    if grant.jobs:
        args["jobs"] = [
            {"account": job.account, "repository": str(job.repository), "workflows": list(map(str, job.workflows))}
            for job in grant.jobs
        ]
    if grant.rerun_lost_jobs:
        args["rerun_lost_jobs"] = True
    if autoscaler:
        args["autoscaler"] = autoscaler
    return args


def deadlines_args(deadlines: Deadlines) -> DeadlinesArgs:
    """Deadlines as a Registrar takes them."""
    return {
        "schedule_seconds": int(deadlines.schedule_seconds),
        "pull_seconds": int(deadlines.pull_seconds),
        "online_seconds": int(deadlines.online_seconds),
        "lost_seconds": int(deadlines.lost_seconds),
        "ghost_seconds": int(deadlines.ghost_seconds),
    }
