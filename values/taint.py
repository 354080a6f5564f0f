"""Taints of nodes as Kubernetes holds them against tolerations, and which of them a pool may tolerate. Pure.

A taint and a toleration are mappings as the API shows them: key, value, effect; of a toleration its operator too.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from values.placement import is_passing_taint

Taint = Mapping[str, Any]

_HOLDS: Final = ("NoSchedule", "NoExecute")
_OFF: Final = "take it off where it is yours (`kubectl taint node NODE KEY-`), or add nodes without it"


def untolerated(taints: Iterable[Taint], tolerations: Sequence[Mapping[str, Any]]) -> list[Taint]:
    """Those of a node's taints that keep a pod with these tolerations off it."""
    holding = (taint for taint in taints if taint.get("effect") in _HOLDS)
    return [taint for taint in holding if not any(_tolerates(one, taint) for one in tolerations)]


def fewest_tolerable(shunning: Iterable[list[Taint]]) -> list[Taint] | None:
    """Of the taints of several nodes those of the node that takes the fewest tolerations; None where the cluster itself
    shuts all of them.
    """
    own = (taints for taints in shunning if not any(is_passing_taint(str(taint.get("key", ""))) for taint in taints))
    return min(own, key=len, default=None)


def cure_without_toleration(tolerable: list[Taint] | None) -> str:
    """What helps a pool that may not tolerate them: where they are `tolerable`, as it has no GPUs."""
    if tolerable is None:
        return f"no pool may tolerate what the cluster sets: wait until it is gone, {_OFF}"
    return f"a pool without GPUs tolerates no taint: {_OFF}"


def _tolerates(toleration: Mapping[str, Any], taint: Taint) -> bool:
    """As Kubernetes compares them (k8s.io/api/core/v1, ToleratesTaint)."""
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")
