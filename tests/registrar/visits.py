"""When each pod of a crowd asked and was served, and by how many it was passed that came after it. Pure.

Fair is: first come, first served. Who is sent away, or hangs up, keeps the place that their first request had.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from registrar.turns import AT_ONCE

# Who comes back finds this many at most that are served before them though they came later: four have their turn at
# that moment, and who was sent away comes back when their turn is near, which is an estimate.
MOST_PASSED: Final = 4 * AT_ONCE


@dataclass
class Visit:
    """Moments of one clock. `asked`: its first request was read; `back`: the first one since it last hung up.

    `late`: from the moment at which it was to come back, where it was sent away, until its next request was read: that
    is its machine's time, and the network's. What it was told to stay away for is the registrar's own.
    """

    asked: float
    back: float
    served: float = float("inf")
    late: list[tuple[float, float]] = field(default_factory=list)

    def waits_at(self, moment: float) -> bool:
        """Whether it is the registrar's doing that it is not served yet."""
        is_late = any(due < moment < read for due, read in self.late)
        return self.back < moment < self.served and not is_late


def passed(visit: Visit, visits: Collection[Visit]) -> int:
    """How many were served before it that asked for the first time after it; not those served while it was away by its
    own choice, or later than it was sent away for. Where the registrar sends it away, it is not away by its own choice.
    """
    return sum(other.asked > visit.asked and visit.waits_at(other.served) for other in visits)


def most_passed(visits: Collection[Visit]) -> int:
    """Of the one that was passed most often."""
    return max(passed(visit, visits) for visit in visits)
