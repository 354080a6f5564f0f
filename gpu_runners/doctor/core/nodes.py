"""Which nodes could hold a pool's pods if nothing else ran on them. Pure.

Reads what the scheduler reads: labels, taints, readiness, allocatable; knows no affinity, for pools have none.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from gpu_runners.doctor.core.findings import Finding, failed, ok, unknown

_SHUNS: Final = ("NoSchedule", "NoExecute")
_SHOWN: Final = 3
Amount = Callable[[str], Decimal]


@dataclass(frozen=True)
class Need:
    """What one pod of a pool asks of its node. devices: resource to count; empty for a pool without GPUs."""

    pool: str
    replicas: int
    requests: Mapping[str, Decimal]
    devices: Mapping[str, int] = field(default_factory=dict)
    selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True)
class Node:
    """What a node offers."""

    name: str
    usable: bool
    labels: Mapping[str, str]
    taints: tuple[Mapping[str, str], ...]
    allocatable: Mapping[str, Decimal]


def node(document: Mapping[str, Any], amount: Amount) -> Node:
    """A node from the API server's JSON; amount reads a quantity."""
    spec, status = document.get("spec", {}), document.get("status", {})
    ready = any(
        condition["type"] == "Ready" and condition["status"] == "True" for condition in status.get("conditions", ())
    )
    return Node(
        name=document["metadata"]["name"],
        usable=ready and not spec.get("unschedulable", False),
        labels=document["metadata"].get("labels", {}),
        taints=tuple(spec.get("taints", ())),
        allocatable={name: amount(text) for name, text in status.get("allocatable", {}).items()},
    )


def room(need: Need, nodes: Iterable[Node]) -> Finding:
    """Whether the pool's pods fit: the first reason that leaves no node, else for how many runners there is room."""
    check = f"nodes for pool {need.pool}"
    left = list(nodes)
    if not left:
        return failed(check, "the cluster has no node", "add nodes")
    for narrow in (_usable, _selected, _tolerated, _large_enough):
        fitting, problem = narrow(need, left)
        if not fitting:
            return failed(check, *problem)
        left = fitting
    places = sum(_places(need, node) for node in left)
    names = ", ".join(sorted(node.name for node in left)[:_SHOWN]) + (", …" if len(left) > _SHOWN else "")
    if places < need.replicas:
        found = f"room for {places} of {need.replicas} runners on {names}, even if nothing else runs there"
        return unknown(check, found, "add nodes or lower replicas; an autoscaler that adds nodes is as good")
    return ok(check, f"{names} could hold {places} runners if nothing else ran there; {need.replicas} are wanted")


Problem = tuple[str, str]


def _usable(_: Need, nodes: Sequence[Node]) -> tuple[list[Node], Problem]:
    fitting = [node for node in nodes if node.usable]
    return fitting, (f"none of {len(nodes)} nodes is ready and open to pods", "see `kubectl get nodes`")


def _selected(need: Need, nodes: Sequence[Node]) -> tuple[list[Node], Problem]:
    fitting = [node for node in nodes if need.selector.items() <= node.labels.items()]
    wanted = ", ".join(f"{key}={value}" for key, value in need.selector.items())
    known = [
        f"{key} is {', '.join(sorted({node.labels[key] for node in nodes if key in node.labels}))}"
        for key in need.selector
        if any(key in node.labels for node in nodes)
    ]
    there = "; there ".join(["", *known]) if known else ""
    cure = "correct the pool's gpu.nodeSelector, or add such nodes (one that an autoscaler makes on demand is not seen)"
    return fitting, (f"no node has the labels {wanted}{there}", cure)


def _tolerated(need: Need, nodes: Sequence[Node]) -> tuple[list[Node], Problem]:
    fitting = [node for node in nodes if not _shunned_by(need, node)]
    taints = {_taint(taint): taint for node in nodes for taint in _shunned_by(need, node)}
    first = next(iter(taints.values()), {})
    cure = f"add {{key: {first.get('key')}, operator: Exists, effect: {first.get('effect')}}} to gpu.tolerations"
    return fitting, (f"its nodes have the taint {', '.join(taints)}, which the pool does not tolerate", cure)


def _large_enough(need: Need, nodes: Sequence[Node]) -> tuple[list[Node], Problem]:
    fitting = [node for node in nodes if _places(need, node) > 0]
    for name, wanted in _wanted(need).items():
        most = max(node.allocatable.get(name, Decimal(0)) for node in nodes)
        if most < wanted:
            asked = f"a pod asks for {as_quantity(wanted)} {name}"
            found = f"{asked}, but no node that it may use has more than {as_quantity(most)}"
            return fitting, (found, f"ask for less, or add larger nodes{_plugin(need, name, most)}")
    return fitting, ("no node has enough of everything that a pod asks for", "ask for less, or add larger nodes")


def _plugin(need: Need, name: str, most: Decimal) -> str:
    missing = name in need.devices and most == 0
    return "; none at all: is the vendor's device plugin installed, and is gpu.resource its name?" if missing else ""


def _wanted(need: Need) -> dict[str, Decimal]:
    return {**{name: Decimal(count) for name, count in need.devices.items()}, **need.requests}


def _places(need: Need, node: Node) -> int:
    amounts = ((node.allocatable.get(name, Decimal(0)), wanted) for name, wanted in _wanted(need).items())
    return int(min((have // wanted for have, wanted in amounts), default=Decimal(0)))


def _shunned_by(need: Need, node: Node) -> list[Mapping[str, str]]:
    shunning = [taint for taint in node.taints if taint.get("effect") in _SHUNS]
    return [taint for taint in shunning if not any(_tolerates(toleration, taint) for toleration in need.tolerations)]


def _tolerates(toleration: Mapping[str, str], taint: Mapping[str, str]) -> bool:
    if toleration.get("effect") not in (None, taint.get("effect")) or toleration.get("key") != taint.get("key"):
        return False
    return toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", "")


def _taint(taint: Mapping[str, str]) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint.get('key')}{value}:{taint.get('effect')}"


def as_quantity(amount: Decimal) -> str:
    """Without the zeros that a quantity's unit leaves behind its point."""
    whole = amount == amount.to_integral_value()
    return f"{int(amount)}" if whole else f"{amount.normalize()}"
