"""Rules about what the stack declares, the cluster, the namespace and the Deployment. Pure."""

import difflib
from collections.abc import Iterator

from access.causes.cause import Cause, Layer
from access.causes.facts import Facts
from access.online.progress import online_count


def stack_causes(facts: Facts) -> Iterator[Cause]:
    """What the stack itself says: the pool is not declared, or not with a runner."""
    stack = facts.stack
    if stack is None:
        return
    if not stack.in_config and not stack.in_state:
        close = difflib.get_close_matches(facts.name, stack.pools, 1)
        hint = f"did you mean {close[0]}? " if close else ""
        names = ", ".join(stack.pools) or "none"
        yield Cause(
            situation="pool-unknown", layer=Layer.STACK, cause=f"{stack.stack} has no pool {facts.name}",
            evidence=(f"its pools: {names}",), cure=f"{hint}name one of its pools, or another stack with --stack",
        )  # fmt: skip
    elif not stack.in_state:
        yield Cause(
            situation="not-brought-up", layer=Layer.STACK,
            cause=f"{facts.name} is configured, and no `pulumi up` has declared it",
            evidence=(f"Pulumi.{stack.stack}.yaml has it, the state of {stack.stack} has not",),
            cure=f"`pulumi up --stack {stack.stack}` declares it, and waits until it is online",
        )  # fmt: skip
    elif stack.replicas == 0:
        yield Cause(
            situation="declared-zero", layer=Layer.STACK,
            cause=f"{stack.stack} declares 0 replicas of {facts.name}: jobs for it wait until that is changed",
            evidence=(f"replicas: 0 in the state of {stack.stack}",),
            cure=f"raise `replicas` of the pool, or give it `autoscaling`, and `pulumi up --stack {stack.stack}`",
        )  # fmt: skip


def cluster_causes(facts: Facts) -> Iterator[Cause]:
    """The cluster cannot be asked, or has no such namespace."""
    if facts.cluster_problem is not None:
        found, cure = facts.cluster_problem
        yield Cause(
            situation="cluster-unreachable", layer=Layer.CLUSTER, cause="the cluster cannot be asked",
            evidence=(found,), cure=cure,
        )  # fmt: skip
    elif facts.namespace_phase == "":
        yield Cause(
            situation="namespace-gone", layer=Layer.CLUSTER, cause=f"there is no namespace {facts.namespace}",
            evidence=(f"namespaces {facts.namespace!r} not found",),
            cure="`pulumi up` of the platform stack makes the namespaces of its environments",
        )  # fmt: skip
    elif facts.namespace_phase == "Terminating":
        yield Cause(
            situation="namespace-leaving", layer=Layer.CLUSTER,
            cause=f"the namespace {facts.namespace} is being deleted, and takes no new pods",
            evidence=("status.phase: Terminating",),
            cure=f"`kubectl describe namespace {facts.namespace}` says what holds it; then `pulumi up` of the platform "
            "stack makes it again",
        )  # fmt: skip


def deployment_causes(facts: Facts) -> Iterator[Cause]:
    """The Deployment is gone, held, or was scaled by hand."""
    pool, deployment = facts.pool, facts.deployment
    at = f"deployment/{facts.name} --namespace {facts.namespace}"
    if not pool.exists:
        yield Cause(
            situation="deployment-gone", layer=Layer.DEPLOYMENT, cause="its Deployment does not exist",
            evidence=(f"no Deployment {facts.name} in {facts.namespace}, which the state has",),
            cure="somebody deleted it: run `pulumi refresh`, then `pulumi up`",
        )  # fmt: skip
        return
    if deployment is None:
        return
    if deployment.paused and (not pool.settled or online_count(pool) < pool.replicas):
        yield Cause(
            situation="deployment-paused", layer=Layer.DEPLOYMENT,
            cause="its Deployment is paused: no pod of the present template is made",
            evidence=("spec.paused: true",), cure=f"`kubectl rollout resume {at}`, or `gpu-runners repair`",
        )  # fmt: skip
    if not deployment.observed:
        yield Cause(
            situation="deployment-unseen", layer=Layer.DEPLOYMENT,
            cause="no controller has looked at the Deployment since it was changed",
            evidence=("status.observedGeneration is older than metadata.generation",),
            cure="see whether kube-controller-manager runs: `kubectl --namespace kube-system get pods`",
        )  # fmt: skip
    declared = facts.stack.replicas if facts.stack else None
    if declared is not None and deployment.replicas < declared and facts.stack and facts.stack.in_state:
        yield Cause(
            situation="scaled-by-hand", layer=Layer.DEPLOYMENT,
            cause=f"somebody scaled the Deployment to {deployment.replicas}, and the stack declares {declared}",
            evidence=(f"spec.replicas: {deployment.replicas}",),
            cure=f"`kubectl scale {at} --replicas={declared}`, or `gpu-runners repair`",
        )  # fmt: skip
