"""Phases follow each other and add up to the whole, or are not told."""

import pytest

from bench.demo import phases_of
from bench.phases import JOB_FLOORS, between

DEMO = """\
[  40.1 s] run       ended: success

                                           since push      step
git push                                        0.0 s     0.0 s
job 1 (deploy) started on the base runner       1.1 s     1.1 s
pulumi up makes the GPU runner's pod            5.0 s     3.9 s
GPU runner online                               6.2 s     1.2 s
job 1 done                                      6.7 s     0.5 s
job 2 (train) started on the GPU runner         7.0 s     0.3 s
data pulled, training begins                   10.0 s     3.0 s
first training step                            10.5 s     0.5 s
job 2 done, result in the remote               14.0 s     3.5 s
"""


def test_phases_add_up() -> None:
    phases = between(100.0, [("a", 101.0), ("b", 101.5), ("c", 104.0)])
    assert phases == (("a", 1.0), ("b", 0.5), ("c", 2.5))


def test_what_was_seen_early_took_no_time_and_the_next_is_not_longer_for_it() -> None:
    phases = between(100.0, [("a", 102.0), ("b", 101.9), ("c", 104.0)])
    assert phases == (("a", 2.0), ("b", 0.0), ("c", 2.0))


def test_without_one_mark_there_are_no_phases() -> None:
    assert between(100.0, [("a", 101.0), ("b", None), ("c", 104.0)]) == ()


def test_the_demos_closing_table_is_split_up_to_the_first_training_step() -> None:
    phases = phases_of(DEMO)
    assert next(name for name, _ in phases) == "job 1 (deploy) started on the base runner"
    assert [name for name, _ in phases][-1] == "first training step"
    assert sum(seconds for _, seconds in phases) == pytest.approx(10.5)


def test_each_phase_of_the_demo_says_whose_floor_it_is() -> None:
    assert all(JOB_FLOORS.get(name) for name, _ in phases_of(DEMO))


def test_a_demo_that_never_trained_has_no_phases() -> None:
    assert phases_of(DEMO.replace("10.5 s     0.5 s", "     -          -", 1)) == ()
