"""Goals are judged by what was measured in the same run, and what was not measured is not called kept."""

import pytest

from bench.goals import Verdict, judge
from bench.measurement import (
    CREATED_TO_ONLINE,
    FLAT,
    HELM,
    OURS,
    UP_INSTANT,
    UP_REAL,
    Measurement,
    Sample,
)


def of(measure: str, subject: str, pools: int, seconds: float) -> Measurement:
    return Measurement(measure, subject, pools, [Sample(seconds)])


def verdict(measurements: list[Measurement], words: str) -> Verdict:
    (found,) = (v for v in judge(measurements, {UP_INSTANT: (1,), UP_REAL: (10, 30)}) if words in v.goal)
    return found


@pytest.mark.parametrize(("ours", "kept"), [(9.9, True), (10.0, True), (10.2, False)])
def test_ours_is_never_slower_than_the_flat_program(ours: float, kept: bool) -> None:
    both = [of(UP_REAL, OURS, 10, ours), of(UP_REAL, FLAT, 10, 10.0)]
    assert verdict(both, "real runners, 10 pools: of flat's").kept is kept


@pytest.mark.parametrize(("ours", "kept"), [(6.5, True), (6.6, False)])
def test_at_thirty_pools_of_real_runners_a_third_is_won(ours: float, kept: bool) -> None:
    both = [of(UP_REAL, OURS, 30, ours), of(UP_REAL, FLAT, 30, 10.0)]
    found = verdict(both, "real runners, 30 pools: of flat's")
    assert found.kept is kept
    assert found.measured == pytest.approx(ours / 10)


@pytest.mark.parametrize(("ours", "kept"), [(1.3, True), (1.3045, False)])
def test_helm_is_a_third_faster_at_most(ours: float, kept: bool) -> None:
    assert verdict([of(UP_INSTANT, OURS, 1, ours), of(UP_INSTANT, HELM, 1, 1.0)], "1 pool: of helm's").kept is kept


def test_a_goal_without_a_figure_is_neither_kept_nor_missed() -> None:
    verdicts = judge([of(UP_REAL, OURS, 30, 1.0)], {UP_REAL: (30,)})
    assert {v.kept for v in verdicts} == {None}


def test_a_wait_is_judged_in_seconds() -> None:
    assert verdict([of(CREATED_TO_ONLINE, OURS, 1, 1.1)], CREATED_TO_ONLINE).kept is False
    assert verdict([of(CREATED_TO_ONLINE, OURS, 1, 1.0)], CREATED_TO_ONLINE).kept is True
