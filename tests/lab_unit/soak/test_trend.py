"""How a series grows is asked of all its points, so that a few odd ones do not count."""

import pytest

from lab.soak.trend import slope


def test_a_line_grows_as_it_does() -> None:
    assert slope([(minute, 5 + 2 * minute) for minute in range(10)]) == pytest.approx(2)


def test_a_few_odd_moments_do_not_count() -> None:
    points = [(float(minute), 60.0) for minute in range(30)]
    for minute in (3, 11, 28):
        points[minute] = (float(minute), 900.0)
    assert slope(points) == 0


def test_what_comes_and_goes_does_not_grow() -> None:
    assert slope([(float(at), float(at % 4)) for at in range(100)]) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("points", [[], [(1.0, 2.0)], [(1.0, 2.0), (1.0, 3.0)]])
def test_one_moment_has_no_slope(points: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="two moments"):
        slope(points)
