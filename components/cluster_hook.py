"""Resource hooks that look at the cluster: the one place where the SDK's event loop meets blocking reads."""

import asyncio
import os
from collections.abc import Awaitable, Callable

import pulumi

from access.cluster.choice import ClusterChoice
from access.cluster.connection import ClusterConnection

Hook = Callable[[pulumi.ResourceHookArgs], Awaitable[None]]


def cluster_hook(look: Callable[[ClusterConnection], None]) -> Hook:
    """A hook that runs look with a connection of its own; what look raises fails the `up`."""
    choice = ClusterChoice.of_this_program(os.environ)

    def connect_and_look() -> None:
        with ClusterConnection(choice) as cluster:
            look(cluster)

    async def hook(_: pulumi.ResourceHookArgs) -> None:
        # In one thread of its own: the SDK's event loop must go on serving the engine.
        await asyncio.to_thread(connect_and_look)

    return hook
