"""Owners: the Deployments whose pods were seen, by namespace, for as long as anything bears their names.

A runner goes by its pod's name, and that by its Deployment's: so a runner whose pod is gone is known to be ours. What
was deleted is forgotten, with its runners: who makes pools anew all the time must not make the registrar grow.
"""

from collections.abc import Collection, Iterable
from typing import Final

from registrar.pods import RunnerPod

# Full lists of runners in a row, with a name in none of them, until it is forgotten: a list that moves while it is read
# may miss one runner, and one that was just registered is not on it yet. A quarter of an hour at Gitea at least.
LISTS_WITHOUT: Final = 60
MOST_OWNERS: Final = 1000  # of a namespace: a pod may claim any Deployment


class Owners:
    """Those of one scope's namespaces."""

    def __init__(self) -> None:
        self._missed: dict[str, dict[str, int]] = {}  # by namespace and name: how many lists in a row were without it

    def __len__(self) -> int:
        return sum(map(len, self._missed.values()))

    def note(self, pods: Iterable[RunnerPod]) -> None:
        """Remember whose pods these are."""
        for pod in pods:
            if pod.owner:
                known = self._missed.setdefault(pod.namespace, {})
                known[pod.owner] = 0
                if len(known) > MOST_OWNERS:
                    del known[max(known, key=known.__getitem__)]

    def namespaces(self, runner_name: str) -> frozenset[str]:
        """Where pods of the Deployment were seen whose name a runner bears; empty where nobody saw one."""
        owner = _owner(runner_name)
        return frozenset(namespace for namespace, known in self._missed.items() if owner in known)

    def listed(self, runner_names: Iterable[str], pods: Collection[RunnerPod]) -> None:
        """A full list of the scope's runners and its pods, as they were seen last; called once for each list."""
        borne = {_owner(name) for name in runner_names} | {pod.owner for pod in pods}
        for known in self._missed.values():
            for owner, missed in list(known.items()):
                known[owner] = 0 if owner in borne else missed + 1
                if known[owner] >= LISTS_WITHOUT:
                    del known[owner]


def _owner(runner_name: str) -> str:
    """The Deployment by whose pod's name a runner goes: name, template hash and five letters."""
    return runner_name.rsplit("-", 2)[0]
