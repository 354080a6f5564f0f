"""Pools whose images are pulled ahead on more nodes than may hold a runner: doubtful, and not refused."""

from collections.abc import Iterable, Iterator

from values.pool import RunnerPool
from values.problem import Problem


def doubtful_prepull(pools: Iterable[RunnerPool]) -> Iterator[Problem]:
    """Of pools that select no nodes: what pulls asks for no GPU, so that nodes without one get its images as well.

    On a cluster all of whose nodes have GPUs that is as it shall be.
    """
    for pool in pools:
        if "prepull" in pool and "gpu" in pool and not pool["gpu"]["node_selector"]:
            yield Problem(
                f"prepull of pool {pool['name']}",
                "a gpu without nodeSelector: every Linux node whose taints it tolerates pulls its images, also one "
                "without a GPU",
                "a gpu.nodeSelector that only GPU nodes have",
                "write one that they have, as `kubectl get nodes --show-labels` shows them; if all nodes have GPUs it "
                "may stay",
            )
