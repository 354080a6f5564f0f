"""PoolSeries: the series of metrics that are counted for each pool, forgotten a while after their pool is gone.

Whoever makes pods names pools, and a series is kept until it is removed: without this the registrar would grow with
every pool that ever was.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from prometheus_client import Counter, Histogram

LINGER_SECONDS: Final = 900.0  # after a pool is gone: whoever reads metrics gets its last numbers
MOST_POOLS: Final = 1000
MOST_OF_A_POOL: Final = 100  # conclusions, reasons and resources: few each

PoolKey = tuple[str, str]  # namespace and pool
Metric = TypeVar("Metric", Counter, Histogram)


@dataclass(kw_only=True)
class _Pool:
    seen_at: float
    series: OrderedDict[tuple[Counter | Histogram, tuple[str, ...]], None] = field(default_factory=OrderedDict)


class PoolSeries:
    """Of every pool that has any. The first two labels of each metric are namespace and pool."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pools: OrderedDict[PoolKey, _Pool] = OrderedDict()  # those that were seen last at the end

    @property
    def remembered(self) -> int:
        """How many pools have series."""
        return len(self._pools)

    def of(self, metric: Metric, pool: PoolKey, *labels: str) -> Metric:
        """The series of a pool, to count with."""
        known = self._pools.setdefault(pool, _Pool(seen_at=0.0))
        self.seen([pool])
        known.series[metric, labels] = None
        known.series.move_to_end((metric, labels))
        while len(known.series) > MOST_OF_A_POOL:
            _remove(pool, *known.series.popitem(last=False)[0])
        while len(self._pools) > MOST_POOLS:
            self._forget(next(iter(self._pools)))
        return metric.labels(*pool, *labels)

    def seen(self, pools: Iterable[PoolKey]) -> None:
        """These pools are there: pods of them, or their Deployments."""
        now = self._clock()
        for pool in pools:
            if pool in self._pools:
                self._pools[pool].seen_at = now
                self._pools.move_to_end(pool)

    def forget(self) -> None:
        """Remove the series of pools that have not been seen for a while."""
        since = self._clock() - LINGER_SECONDS
        while self._pools and next(iter(self._pools.values())).seen_at < since:
            self._forget(next(iter(self._pools)))

    def _forget(self, pool: PoolKey) -> None:
        for metric, labels in self._pools.pop(pool).series:
            _remove(pool, metric, labels)


def _remove(pool: PoolKey, metric: Counter | Histogram, labels: tuple[str, ...]) -> None:
    metric.remove(*pool, *labels)
