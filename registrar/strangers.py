"""Runners of a scope that no pod of ours has: which of them may be removed because they take our pools' jobs. Pure.

A scope may be shared: an organization has runners of many teams. Ours is only what stands where our pools' runners
stand and offers what they offer; whoever else is there, their owners remove.
"""

from collections.abc import Collection
from typing import Final

from registrar.forges.forge import Runner
from values.runner_label import compared, folded
from values.scope import Scope

# What most self-hosted runners have, whoever's they are: https://docs.github.com/actions/reference/runners
_COMMON: Final = folded({"self-hosted", "linux", "windows", "macos", "x64", "arm", "arm64"})


def reason_to_keep(
    runner: Runner, scope: Scope, *, forge: str, groups: Collection[str | None], labels: Collection[str]
) -> str:
    """The reason; "" for a runner that may be removed. `groups` and `labels` are those of our pools in this scope.

    forge: its kind, which compares labels.
    """
    if runner.groups and not runner.groups & frozenset(groups):
        return f"it is in the runner group {_one(runner.groups)}, and no pool of ours is"
    ours = compared(labels, forge)
    offered = compared(runner.labels, forge) - (compared(runner.given_labels, forge) - ours)
    if not scope.is_repository:
        offered = frozenset(label for label in offered if not folded([label]) <= _COMMON)
    if not offered:
        return "it offers no label of a pool of ours"
    foreign = offered - ours
    if foreign:
        return f"it offers {_one(foreign)}, which no pool of ours does"
    return ""


def _one(names: Collection[str | None]) -> str:
    return sorted(name or "the default one" for name in names)[0]
