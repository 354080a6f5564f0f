"""Which nodes could hold a pool's pods if nothing else ran on them. Pure.

Reads what the scheduler reads: labels, taints, readiness, allocatable; knows no affinity, for pools have none.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from gpu_runners.doctor.core.findings import Finding, failed, ok, unknown
from gpu_runners.doctor.core.selection import from_zero, missing, setters, telling
from values.placement import PRESETS
from values.taint import cure_without_toleration, fewest_tolerable, untolerated

_SHOWN: Final = 3
_SYSTEM: Final = "kubernetes.io/os"
_NO_LINUX: Final = "add Linux nodes: a pool without GPUs runs on no others"
_VENDORS: Final = tuple({f"{preset.resource.partition('/')[0]}/" for preset in PRESETS.values()})
Amount = Callable[[str], Decimal]
Reason = tuple[str, str]  # why no node is left, and the cure


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


Narrow = Callable[[Need, Sequence[Node]], tuple[list[Node], Reason]]


def room(need: Need, nodes: Iterable[Node], autoscalers: Sequence[str] = ()) -> Finding:
    """Whether the pool's pods fit: the first reason that leaves no node, else for how many runners there is room.

    autoscalers: those that were found in the cluster; they may bring a node that is not there now.
    """
    check = f"nodes for pool {need.pool}"
    left = list(nodes)
    if not left:
        may_come = bool(need.devices or autoscalers)
        return _without(check, ("the cluster has no node", "add nodes"), need, autoscalers, may_come=may_come)
    if need.devices and _may_come(need, left, autoscalers):
        return unknown(check, *_none_now(need, left, autoscalers))
    for narrow in (_usable, _selected, _tolerated, _large_enough):
        fitting, problem = narrow(need, left)
        if not fitting:
            may_come = bool(autoscalers) and _may_pass(narrow, need, left)
            return _without(check, problem, need, autoscalers, may_come=may_come)
        left = fitting
    if windows := sorted(it.name for it in left if it.labels.get(_SYSTEM) == "windows"):
        found = f"{', '.join(windows[:_SHOWN])} would take its pods, too, and runs Windows, where none of them starts"
        return failed(check, found, f"keep them off: `kubectl taint node {windows[0]} os=windows:NoSchedule`")
    places = sum(_places(need, candidate) for candidate in left)
    names = ", ".join(sorted(candidate.name for candidate in left)[:_SHOWN]) + (", …" if len(left) > _SHOWN else "")
    if places < need.replicas:
        found = f"room for {places} of {need.replicas} runners on {names}, even if nothing else runs there"
        return unknown(check, found, "add nodes or lower replicas; an autoscaler that adds nodes is as good")
    return ok(check, f"{names} could hold {places} runners if nothing else ran there; {need.replicas} are wanted")


def _without(check: str, problem: Reason, need: Need, autoscalers: Sequence[str], *, may_come: bool) -> Finding:
    """No node is left; may_come: whether an autoscaler may bring one."""
    found, cure = problem
    if not may_come:
        return failed(check, found, cure)
    return unknown(check, f"{found}; an autoscaler may bring one", f"{cure}; {from_zero(need.selector, autoscalers)}")


def _may_come(need: Need, nodes: Sequence[Node], autoscalers: Sequence[str]) -> bool:
    """Whether the node for a pod may not be there yet: no GPU node is, or none of this kind beside an autoscaler."""
    selected = [candidate for candidate in nodes if need.selector.items() <= candidate.labels.items()]
    if any(_offers(need, candidate) for candidate in nodes):
        return bool(autoscalers) and not selected
    return not (need.selector and selected)  # a node with the labels of a GPU node and without GPUs lacks a plugin


def _may_pass(narrow: Narrow, need: Need, left: Sequence[Node]) -> bool:
    """Whether another node of this kind might do: one that works, is larger, or is not about to go."""
    if narrow is _large_enough:
        return not need.devices or any(_offers(need, candidate) for candidate in left)
    return narrow is _usable or (
        narrow is _tolerated and fewest_tolerable(_shunned_by(need, node) for node in left) is None
    )


def _none_now(need: Need, nodes: Sequence[Node], autoscalers: Sequence[str]) -> Reason:
    with_gpus = [candidate.labels for candidate in nodes if _offers(need, candidate)]
    resources = ", ".join(need.devices)
    if not with_gpus:
        others = sorted({name for it in nodes for name, amount in it.allocatable.items() if is_akin(name) and amount})
        instead = f", but {', '.join(others[:_SHOWN])}" if others else ""
        found = f"no node now offers {resources}{instead}; an autoscaler may bring one"
        plugin = "if there are GPU nodes already, the vendor's device plugin is missing"
        return found, f"{from_zero(need.selector, autoscalers)}; {plugin}"
    found = (
        f"no node now: {missing(need.selector, [candidate.labels for candidate in nodes])}; an autoscaler may bring one"
    )
    return found, f"{from_zero(need.selector, autoscalers)}; {_choices(need, with_gpus)}"


def is_akin(name: str) -> bool:
    """Whether it is a GPU, or a part of one, under whatever name a vendor's plugin gives it."""
    return name.startswith(_VENDORS)


def _choices(need: Need, with_gpus: Sequence[Mapping[str, str]]) -> str:
    has = telling(with_gpus)
    return "; ".join(
        filter(
            None,
            (
                f"GPU nodes have {has}" if has else "",
                setters(need.selector),
                "correct the pool's gpu.nodeSelector or preset",
            ),
        )
    )


def _offers(need: Need, offering: Node) -> bool:
    return any(offering.allocatable.get(name, Decimal(0)) > 0 for name in need.devices)


def _usable(need: Need, nodes: Sequence[Node]) -> tuple[list[Node], Reason]:
    fitting = [node for node in nodes if node.usable]
    meant = [node for node in nodes if _offers(need, node) and need.selector.items() <= node.labels.items()]
    if fitting and meant and not any(node.usable for node in meant):
        first = sorted(node.name for node in meant)
        names = ", ".join(first[:_SHOWN]) + (", …" if len(first) > _SHOWN else "")
        found = f"the nodes with {', '.join(need.devices)} that it may use are cordoned or not ready: {names}"
        return [], (found, f"`kubectl describe node {first[0]}`; `kubectl uncordon {first[0]}` opens a cordoned one")
    return fitting, (f"none of {len(nodes)} nodes is ready and open to pods", "see `kubectl get nodes`")


def _selected(need: Need, nodes: Sequence[Node]) -> tuple[list[Node], Reason]:
    fitting = [selectable for selectable in nodes if need.selector.items() <= selectable.labels.items()]
    with_gpus = [selectable.labels for selectable in nodes if _offers(need, selectable)]
    cure = f"{_choices(need, with_gpus)}, or add such nodes" if need.devices else _NO_LINUX
    return fitting, (missing(need.selector, [selectable.labels for selectable in nodes]), cure)


def _tolerated(need: Need, nodes: Sequence[Node]) -> tuple[list[Node], Reason]:
    fitting = [node for node in nodes if not _shunned_by(need, node)]
    taints = dict.fromkeys(_taint(taint) for node in nodes for taint in _shunned_by(need, node))
    found = f"its nodes have the taint {', '.join(taints)}, which the pool does not tolerate"
    tolerable = fewest_tolerable(_shunned_by(need, node) for node in nodes)
    if tolerable is None or not need.devices:
        return fitting, (found, cure_without_toleration(tolerable))
    added = (f"{{key: {it.get('key')}, operator: Exists, effect: {it.get('effect')}}}" for it in tolerable)
    return fitting, (found, f"add {' and '.join(added)} to gpu.tolerations")


def _large_enough(need: Need, nodes: Sequence[Node]) -> tuple[list[Node], Reason]:
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
    return untolerated(node.taints, need.tolerations)


def _taint(taint: Mapping[str, str]) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint.get('key')}{value}:{taint.get('effect')}"


def as_quantity(amount: Decimal) -> str:
    """Without the zeros that a quantity's unit leaves behind its point."""
    whole = amount == amount.to_integral_value()
    return f"{int(amount)}" if whole else f"{amount.normalize()}"
