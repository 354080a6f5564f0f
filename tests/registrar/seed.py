"""The seed of what is drawn by chance in these tests: the same in each run, another by `SEED=… pytest`."""

import os


def seed() -> int:
    """A number; each message of a failure names it."""
    return int(os.environ.get("SEED", "20261126"))
