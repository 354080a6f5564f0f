"""How a series grows, so that a few odd moments do not count: the median of the slopes between all its points. Pure."""

import statistics
from collections.abc import Sequence

Point = tuple[float, float]


def slope(points: Sequence[Point]) -> float:
    """The median slope (Theil 1950, Sen 1968). Raises ValueError where no two points differ in time."""
    slopes = [
        (later - earlier) / (end - start)
        for number, (start, earlier) in enumerate(points)
        for end, later in points[number + 1 :]
        if end > start
    ]
    if not slopes:
        raise ValueError("a slope needs two moments")
    return statistics.median(slopes)
