"""Places: on which nodes runners have been, and so whose runners may come there. The registrar reads no nodes.

Of a taint it sees only who tolerates it: where a runner has been that asks for more of a node's labels than another and
tolerates no more of its taints, that other one may be as well.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from registrar.declared_pool import DeclaredPool, Devices
from registrar.pods import RunnerPod
from registrar.tolerations import Toleration, tolerates_no_more

MOST_NODES: Final = 500  # remembered of pools that ask for the same, those of the last runners

_Asked = tuple[frozenset[tuple[str, str]], frozenset[Toleration]]


class Places:
    """Remembers nodes by what the pools ask of them, as long as such a pool is declared."""

    def __init__(self) -> None:
        self._nodes: dict[_Asked, dict[str, None]] = {}
        self._noted: tuple[Mapping[str, DeclaredPool], Mapping[str, Sequence[RunnerPod]]] = ({}, {})

    def note(self, pools: Mapping[str, DeclaredPool], by_pool: Mapping[str, Sequence[RunnerPod]]) -> None:
        """Where runners are now; pools and pods by the pools' keys.

        Pods that are the same object as before are not looked at again: this is asked with each question about a queue.
        """
        pools_before, pods_before = self._noted
        if by_pool is pods_before and pools == pools_before:
            return
        self._noted = (pools, by_pool)
        declared = {key: _asked(pool.devices) for key, pool in pools.items() if pool.devices is not None}
        self._nodes = {asked: self._nodes.get(asked, {}) for asked in declared.values()}
        for key, asked in declared.items():
            nodes = self._nodes[asked]
            for pod in by_pool.get(key, ()):
                if pod.node:
                    nodes.pop(pod.node, None)
                    nodes[pod.node] = None
            for oldest in list(nodes)[: max(0, len(nodes) - MOST_NODES)]:
                del nodes[oldest]

    def of(self, devices: Devices) -> frozenset[str]:
        """Nodes where runners of pools that ask for just this have been."""
        return frozenset(self._nodes.get(_asked(devices), ()))

    def open_to(self, devices: Devices) -> frozenset[str]:
        """Nodes on which a runner that asks for this is known to be able to be, as far as labels and taints go."""
        return frozenset(
            node
            for (selector, tolerations), nodes in self._nodes.items()
            if devices.node_selector <= selector and tolerates_no_more(tolerations, devices.tolerations)
            for node in nodes
        )


def _asked(devices: Devices) -> _Asked:
    return devices.node_selector, devices.tolerations
