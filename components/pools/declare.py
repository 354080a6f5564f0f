"""Declares the pools of a stack, and the one wait for all of them."""

from collections.abc import Mapping, Sequence

import pulumi

from components.pools.online_pools import OnlinePools
from components.pools.runner_deployment import RunnerDeployment
from values.pool import RunnerPool, missing_self_hosted, pool_key


def declare_pools(
    stack: str,
    pools: Sequence[RunnerPool],
    namespace: str,
    deadline_seconds: int,
    after: Sequence[pulumi.Resource],
    *,
    queues: Mapping[str, str],
) -> None:
    """The pools come after `after`; the object that the wait hangs on lies in the namespace.

    queues: where the registrar tells of the queue, by namespace, for pools that follow it.
    """
    for pool in pools:
        if problem := missing_self_hosted(pool):
            pulumi.log.warn(str(problem))
    deployments = [
        RunnerDeployment(
            f"{pool['namespace']}-{pool['name']}",
            pool,
            pulumi.ResourceOptions(depends_on=list(after)),
            queue=queues.get(pool["namespace"], ""),
        )
        for pool in pools
    ]
    if deployments:
        OnlinePools(
            f"pools-{stack}",
            {"namespace": namespace, "stack": stack, "pools": list(pools), "deadline_seconds": deadline_seconds},
            pulumi.ResourceOptions(depends_on=deployments),
        )
    pulumi.export("pools", [pool_key(pool) for pool in pools])
