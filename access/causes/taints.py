"""Rules about taints: nodes that a pod may not use though nothing else is in the way. Pure."""

from collections.abc import Sequence
from typing import Final

from access.causes.cause import Cause
from access.causes.facts import DeploymentFacts, NodeFacts
from access.causes.occupancy import lack
from values.taint import Taint, cure_without_toleration, fewest_tolerable, untolerated

_MOST: Final = 5  # of what is listed as evidence


def taint_cause(deployment: DeploymentFacts, nodes: Sequence[NodeFacts]) -> Cause:
    """Of nodes each of which has one."""
    shunning = [untolerated(node.taints, deployment.tolerations) for node in nodes]
    evidence = tuple(
        f"{node.name}: {', '.join(map(_taint, taints))}"
        for node, taints in list(zip(nodes, shunning, strict=True))[:_MOST]
    )
    if all(any(map(_is_clusters, taints)) for taints in shunning):
        cure = f"Kubernetes set the taint: `kubectl describe node {nodes[0].name}` says what the node lacks"
        return lack("node-under-pressure", "the nodes that it may use are in trouble of their own", evidence, cure)
    return lack("taint-not-tolerated", "the nodes that it may use have a taint that it does not tolerate", evidence,
                  _cure(deployment, shunning))  # fmt: skip


def _cure(deployment: DeploymentFacts, shunning: Sequence[list[Taint]]) -> str:
    """As the doctor says it: what is refused in a stack's file is no cure."""
    fewest = fewest_tolerable(shunning)
    if fewest is None or not deployment.device:
        return cure_without_toleration(fewest)
    return f"add {', '.join(map(_taint, fewest))} to the pool's gpu.tolerations"


def _is_clusters(taint: Taint) -> bool:
    return str(taint.get("key", "")).startswith(("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/"))


def _taint(taint: Taint) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint.get('key')}{value}:{taint.get('effect')}"
