"""Splits a time into phases that follow each other and add up to it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from bench.measurement import Phase
from lab.demo.timeline import MILESTONES

# Of an `up`, whatever makes it.
STARTS: Final = "command and program start"
CHECKS: Final = "imports and checks"
DECLARES: Final = "declaring the Deployments"
PODS: Final = "pods come online"
ENDS: Final = "noticing, and the end"
# What no program of ours can shorten: whose floor it is.
FLOORS: Final[Mapping[str, str]] = {
    STARTS: "Pulumi's: the engine starts the language host, which asks Python for its packages and starts the program",
    PODS: "the cluster's: scheduler, kubelet and image; in part our scripts",
}


def between(began: float, marks: Sequence[tuple[str, float | None]]) -> tuple[Phase, ...]:
    """Each phase ends at its mark (Unix time). Without one of the marks nothing is told: it would be of another phase.

    What was seen a moment before the mark that it follows, by another look, took no time.
    """
    phases: list[Phase] = []
    before = began
    for name, at in marks:
        if at is None:
            return ()
        phases.append((name, max(0.0, at - before)))
        before = max(before, at)
    return tuple(phases)


# Whose floor the phases around one job are; the others are ours.
SCHEDULED_PHASE: Final = "scheduled"
SANDBOX_PHASE: Final = "sandbox and volumes"
REGISTRATION_PHASE: Final = "registration (init container)"
STARTED_PHASE: Final = "runner's container starts"
ONLINE_PHASE: Final = "runner connects, gate is set"
RUN_MADE: Final = "forge makes the run"
JOB_GIVEN: Final = "runner asks and is given it"
STEP_BEGINS: Final = "runner prepares its first step"
RUNNER_ENDS: Final = "runner reports the result and ends"
POD_MADE: Final = "controllers make the pod"
NEXT_POD_MADE: Final = "registrar takes the pod away, controllers make the next"
NEXT_POD_ONLINE: Final = "pod comes online"
QUEUE_READ: Final = "registrar's list, and KEDA asks for it"
# Of the rows of the whole demo, by their marks; each is also true of one that stands for those before it as well.
DEMO_FLOORS: Final[Mapping[str, str]] = {
    "deploy started": "forge, which makes the run; ours: how often an idle runner asks (`fetch_interval`)",
    "pod created": "ours: the state's check and the program; Pulumi's: the starts of command, language host and "
    "provider; git's: the checkout",
    "runner online": "once there is a pod, as *pod created to online*; before, ours and Pulumi's",
    "deploy done": "Pulumi's: the end of `up`; ours: `gpu-runners wait`; the forge's runner reports the result",
    "train started": "once job 1 is done, the forge's; ours: how often an idle runner asks (`fetch_interval`)",
    "data pulled": "the job's own: git's checkout, DVC's start, and what it fetches from the S3 server",
    "training": "the job's own: once it has its data, the stage's start and one pass over them",
}
JOB_FLOORS: Final[Mapping[str, str]] = {
    **{milestone.meaning: DEMO_FLOORS[milestone.mark] for milestone in MILESTONES if milestone.mark in DEMO_FLOORS},
    SCHEDULED_PHASE: "scheduler",
    SANDBOX_PHASE: "kubelet and container runtime",
    REGISTRATION_PHASE: "kubelet, which sees the end of the container at its next look; in it our script and the forge",
    STARTED_PHASE: "kubelet and container runtime",
    ONLINE_PHASE: "ours: the registrar looks at the forge; of it the runner's start is the forge's",
    RUN_MADE: "forge",
    JOB_GIVEN: "ours: how often an idle runner asks (`fetch_interval`)",
    STEP_BEGINS: "forge's runner",
    RUNNER_ENDS: "forge's runner, and the kubelet, which sees its end at its next look",
    NEXT_POD_MADE: "ours: the registrar asks the forge what became of the job; then the ReplicaSet controller",
    POD_MADE: "Deployment and ReplicaSet controllers",
    NEXT_POD_ONLINE: "as *pod created to online*",
    QUEUE_READ: "ours: the list is at most 2 s old, and KEDA asks every 2 s",
}
