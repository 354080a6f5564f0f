"""What a failing wait adds to its message: the answers that `gpu-runners why` gives about the same pools."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from access.online.snapshot import PoolSnapshot

if TYPE_CHECKING:
    from access.causes.reader import Cluster

MOST_POOLS: Final = 5  # each costs a few questions
Place = tuple[str, str]


def explaining(cluster: "Cluster", places: Sequence[Place]) -> Callable[[Sequence[PoolSnapshot]], list[str]]:
    """For `wait_until_online`: indented lines about pools, in the order of places, that are not far enough.

    Asks anew, once; a cluster that gives no answer then has nothing added.
    """

    def explain(pools: Sequence[PoolSnapshot]) -> list[str]:
        # A wait that does not fail does without all these rules.
        from access.causes.order import first_cause  # noqa: PLC0415
        from access.causes.reader import FactsReader  # noqa: PLC0415

        names = {pool.name for pool in pools}
        reader, lines = FactsReader(cluster), []
        for namespace, name in [place for place in places if {place[1], "/".join(place)} & names][:MOST_POOLS]:
            cause = first_cause(reader.read(namespace, name))
            if cause.is_trouble:
                first, *rest = cause.lines()
                lines += [f"  why {name}: {first}", *(f"    {line}" for line in rest)]
        return lines

    return explain
