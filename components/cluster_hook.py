"""Resource hooks that look at the cluster: the one place where the SDK's event loop meets blocking reads."""

import asyncio
import os
from collections.abc import Awaitable, Callable

import pulumi

from access.cluster.connection import ClusterConnection
from access.cluster.program_choice import choice_of_this_program
from components.interruption import UpInterruptedError, interruption

Hook = Callable[[pulumi.ResourceHookArgs], Awaitable[None]]


def cluster_hook(look: Callable[[ClusterConnection], None], missing: Callable[[], str]) -> Hook:
    """A hook that runs look with a connection of its own; what look raises fails the `up`.

    Where the `up` is to end it raises UpInterruptedError at once, with what missing returns then; nobody waits for the
    look any more.
    """
    choice = choice_of_this_program(os.environ)

    def connect_and_look() -> None:
        with ClusterConnection(choice) as cluster:
            look(cluster)

    async def hook(_: pulumi.ResourceHookArgs) -> None:
        with interruption() as interrupted:
            # In one thread of its own: the SDK's event loop must go on serving the engine.
            looked = asyncio.ensure_future(asyncio.to_thread(connect_and_look))
            await asyncio.wait({looked, interrupted}, return_when=asyncio.FIRST_COMPLETED)
            if not looked.done():
                raise UpInterruptedError(missing())
            looked.result()

    return hook
