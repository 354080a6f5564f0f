"""The one error of this folder's edges. Its message says what was tried and what cures it."""

from gpu_runners.errors import CommandFailedError


class ReviewFailedError(CommandFailedError):
    """A review, a repair or a comment cannot go on."""
