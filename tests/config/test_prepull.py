"""Images that are pulled ahead go to the nodes that a pool selects, and it is told where it selects none."""

from typing import Any

import pytest

from config.prepull import doubtful_prepull
from tests.program.stack_values import loaded, stack_file


def told(gpu: dict[str, Any], *, prepull: bool = True) -> list[str]:
    stack = stack_file("dev")
    stack["pools"][0] |= {"gpu": gpu, "prepull": prepull}
    return [problem.found for problem in doubtful_prepull(loaded(stack).pools)]


@pytest.mark.parametrize("preset", ["nvidia-plain", "amd", "gke"])
def test_a_pool_that_selects_no_nodes_is_told_that_nodes_without_gpus_pull_as_well(preset: str) -> None:
    (found,) = told({"preset": preset, "count": 1})
    assert "without a GPU" in found
    assert told({"preset": preset, "count": 1}, prepull=False) == []
    assert told({"preset": preset, "count": 1, "nodeSelector": {"gpus": "here"}}) == []


@pytest.mark.parametrize("preset", ["nvidia", "intel", "eks", "aks"])
def test_a_preset_that_selects_gpu_nodes_is_enough(preset: str) -> None:
    assert told({"preset": preset, "count": 1}) == []
