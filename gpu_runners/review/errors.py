"""The one error of this command's edges. Its message says what was tried and what cures it."""


class ReviewError(Exception):
    """A review, a repair or a comment cannot go on."""
