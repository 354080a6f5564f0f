"""A stack is not brought up from a runner of its own: the update would end the runner half way through."""

from collections.abc import Iterable, Mapping

import pulumi

from values.contract import OWN_POOL_VARIABLE
from values.pool import RunnerPool, pool_key


class OwnPoolError(pulumi.RunError):
    """A stack may not be brought up from a runner of its own."""


def refuse_own_pool(pools: Iterable[RunnerPool], environment: Mapping[str, str]) -> None:
    """Raises OwnPoolError when this very process runs on one of the pools."""
    here = environment.get(OWN_POOL_VARIABLE)
    if here and here in map(pool_key, pools):
        raise OwnPoolError(
            f"this program runs on a runner of the pool {here}, which this stack declares: an update would end the "
            "runner half way through. Run it on a runner of another pool, or as an administrator from a computer"
        )
