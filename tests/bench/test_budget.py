"""A part ends in time: what would not is not begun."""

from bench.budget import MARGIN, Budget


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_took_too_long_the_last_time_is_not_begun_again() -> None:
    clock = Clock()
    budget = Budget(100, clock)
    assert budget.fits(10)
    clock.now = 40
    budget.took(10, 40)
    assert budget.fits(10)
    clock.now = 100 - 40 * MARGIN + 1
    assert not budget.fits(10)


def test_a_new_size_is_guessed_from_the_nearest() -> None:
    budget = Budget(100, Clock())
    budget.took(1, 5)
    budget.took(50, 45)
    assert budget.guess(100) == 90
    assert budget.guess(49) == 45  # a smaller one no less: what is the same for all sizes does not shrink
    assert not budget.fits(100)


def test_a_budget_that_is_over_fits_nothing() -> None:
    clock = Clock()
    budget = Budget(10, clock)
    clock.now = 11
    assert not budget.fits(1)
