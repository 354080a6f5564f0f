"""OnlinePools: one small object that changes if and only if a pool does, made once all of them are online."""

from collections.abc import Sequence
from typing import Final, Optional, TypedDict

import pulumi

from access.causes.failing import explaining
from access.clock import SystemClock
from access.cluster.connection import ClusterConnection
from access.online.news import PodNews
from access.online.reader import Place, PoolReader
from access.online.snapshot import PoolSnapshot
from access.online.wait import missing_when_ended, wait_until_online
from components.cluster_hook import Hook, cluster_hook
from components.kubernetes_object import KubernetesObject
from components.labels import object_metadata
from components.pools.runner_deployment import deployment_fingerprint
from values.pool import RunnerPool, pools_config_map

AFTERWARDS: Final = (
    "  The pools are declared as configured and go on trying. Change what the cure names and run `pulumi up` again:\n"
    "  it waits again, with or without a change, until every runner has been online."
)
INTERRUPTED: Final = (
    "  The pools are declared as configured and go on trying. The next `pulumi up` waits again, with or without a\n"
    "  change, until every runner has been online; `gpu-runners wait` asks without an `up`."
)


class OnlinePoolsArgs(TypedDict):
    """What to wait for."""

    namespace: str
    """Where the object lives: the pools' namespace."""
    stack: str
    """The stack's name."""
    pools: list[RunnerPool]
    """All pools of the stack."""
    deadline_seconds: int
    """How long the wait may take at most."""


def pools_data(pools: Sequence[RunnerPool]) -> dict[str, str]:
    """One entry per pool, which changes if and only if the pool's Deployment does."""
    return {f"{pool['namespace']}.{pool['name']}": deployment_fingerprint(pool) for pool in pools}


class OnlinePools(pulumi.ComponentResource):
    """Lists a stack's pools, after them. Give it every RunnerDeployment of the stack in `depends_on`.

    One wait for all, since a waiting hook holds one of the engine's few slots. The hook comes before the object: as
    long as the wait has not succeeded, the object is still to be made, so that the next `up` waits again and its
    preview says so; nothing else is owed.
    """

    def __init__(self, name: str, args: OnlinePoolsArgs, opts: Optional[pulumi.ResourceOptions] = None) -> None:
        super().__init__("gpu-runners:index:OnlinePools", name, {}, opts)
        places = [(pool["namespace"], pool["name"]) for pool in args["pools"]]
        hook = pulumi.ResourceHook(f"{name}-wait", waiting_hook(places, int(args["deadline_seconds"])))
        KubernetesObject(
            name,
            "v1",
            "ConfigMap",
            {
                "metadata": object_metadata("runners", pools_config_map(args["stack"]), args["namespace"]),
                "data": pools_data(args["pools"]),
            },
            pulumi.ResourceOptions(
                parent=self,
                # The object itself must come after the Deployments: a component's dependencies order its children at
                # creation only.
                depends_on=opts.depends_on if opts else None,
                hooks=pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook]),
            ),
        )
        self.register_outputs({})


def waiting_hook(places: Sequence[Place], deadline_seconds: int) -> Hook:
    """A hook that returns when every pool is far enough and raises PoolsNotOnlineError otherwise.

    Raises UpInterruptedError where the `up` is to end before that.
    """
    seen: list[PoolSnapshot] = []

    def wait(cluster: ClusterConnection) -> None:
        clock = SystemClock()
        reader = PoolReader(cluster.get, places, clock.now)
        explain = explaining(cluster, places)

        def read() -> list[PoolSnapshot]:
            seen[:] = reader.read()
            return list(seen)

        rest = PodNews(cluster.watch, reader, clock).rest
        wait_until_online(read, _report, deadline_seconds, clock, AFTERWARDS, explain=explain, rest=rest)

    return cluster_hook(wait, lambda: f"{missing_when_ended(list(seen))}\n{INTERRUPTED}")


def _report(line: str, *, ephemeral: bool) -> None:
    pulumi.log.info(line, ephemeral=ephemeral)
