"""Rules about taints: nodes that a pod may not use though nothing else is in the way. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from access.causes.cause import Cause
from access.causes.facts import DeploymentFacts, NodeFacts
from access.causes.occupancy import lack
from values.placement import is_passing_taint

_HOLDS: Final = ("NoSchedule", "NoExecute")
_MOST: Final = 5  # of what is listed as evidence


def taint_cause(deployment: DeploymentFacts, nodes: Sequence[NodeFacts]) -> Cause:
    """Of nodes each of which has one."""
    shunning = [untolerated(node, deployment) for node in nodes]
    evidence = tuple(
        f"{node.name}: {', '.join(map(_taint, taints))}"
        for node, taints in list(zip(nodes, shunning, strict=True))[:_MOST]
    )
    if all(any(map(_is_clusters, taints)) for taints in shunning):
        cure = f"Kubernetes set the taint: `kubectl describe node {nodes[0].name}` says what the node lacks"
        return lack("node-under-pressure", "the nodes that it may use are in trouble of their own", evidence, cure)
    return lack("taint-not-tolerated", "the nodes that it may use have a taint that it does not tolerate", evidence,
                  _cure_of_taints(deployment, shunning))  # fmt: skip


def _cure_of_taints(deployment: DeploymentFacts, shunning: Sequence[list[Mapping[str, Any]]]) -> str:
    """As the doctor says it: what is refused in a stack's file is no cure."""
    own = [taints for taints in shunning if not any(is_passing_taint(str(taint.get("key", ""))) for taint in taints)]
    if own and deployment.device:
        fewest = min(own, key=len)
        return f"add {', '.join(map(_taint, fewest))} to the pool's gpu.tolerations"
    no_pool = "no pool may tolerate what the cluster sets" if not own else "a pool without GPUs tolerates no taint"
    wait = "wait until it is gone, " if not own else ""
    taking = "take it off where it is yours (`kubectl taint node NODE KEY-`)"
    return f"{no_pool}: {wait}{taking}, or add nodes without it"


def _is_clusters(taint: Mapping[str, Any]) -> bool:
    return str(taint.get("key", "")).startswith(("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/"))


def _taint(taint: Mapping[str, Any]) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint.get('key')}{value}:{taint.get('effect')}"


def untolerated(node: NodeFacts, deployment: DeploymentFacts) -> list[Mapping[str, Any]]:
    """Its taints that keep a pool's pods off it."""
    return [
        taint
        for taint in node.taints
        if taint.get("effect") in _HOLDS and not any(_tolerates(one, taint) for one in deployment.tolerations)
    ]


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """As Kubernetes compares them (k8s.io/api/core/v1, ToleratesTaint)."""
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")
