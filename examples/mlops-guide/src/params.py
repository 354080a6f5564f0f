"""One stage's parameters out of params.yaml."""

from pathlib import Path
from typing import TypedDict, cast

import yaml


class Prepare(TypedDict):
    """Share of the samples that is kept for the test (0 to 1), and the seed of the split."""

    test_share: float
    seed: int


class Train(TypedDict):
    """Passes over the data, size of a step, shrinking of the weights at each step, and the seed of the order."""

    epochs: int
    learning_rate: float
    decay: float
    seed: int


def prepare() -> Prepare:
    """Parameters of src/prepare.py."""
    return cast(Prepare, _section("prepare"))


def train() -> Train:
    """Parameters of src/train.py."""
    return cast(Train, _section("train"))


def _section(name: str) -> object:
    return yaml.safe_load(Path("params.yaml").read_text())[name]
