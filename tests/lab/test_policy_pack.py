"""The policy pack, run by the real engine: what it stops, what it lets pass, and who decides how hard it is."""

import json
from pathlib import Path
from typing import Any

import pytest

from lab import paths
from lab.trial.pools import gpus, pool, pools_config
from lab.trial.stack import Outcome, Stack

PACK = paths.REPOSITORY / "policy"
LAB_IMAGES = {"image-digest": {"acceptTags": ["lab.local/*"]}}


@pytest.fixture(scope="module")
def stack(backend: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A stack with a GPU pool that is previewed and never brought up."""
    environment = {**backend, "PULUMI_PYTHON_CMD": str(paths.REPOSITORY / "lab" / "policy_host")}
    config = pools_config(pool("policy", replicas=2, gpu=gpus(1)))
    return Stack.make("policy-preview", config, tmp_path_factory.mktemp("policy"), environment)


def preview(stack: Stack, settings: dict[str, Any], folder: Path) -> Outcome:
    """A preview under the pack with these settings."""
    file = folder / "settings.json"
    file.write_text(json.dumps(settings))
    return stack.run("preview", "--policy-pack", str(PACK), "--policy-pack-config", str(file))


def test_a_stack_of_the_program_passes(stack: Stack, tmp_path: Path) -> None:
    outcome = preview(stack, LAB_IMAGES, tmp_path).succeeded()
    assert "✅ gpu-runners" in outcome.output


def test_breaches_fail_the_preview_and_are_named(stack: Stack, tmp_path: Path) -> None:
    budget = {"gpu-budget": {"budgets": {"policy-preview": {"nvidia.com/gpu": 1}}}}
    outcome = preview(stack, budget | {"label-owner": {"owners": {"policy": "prod"}}}, tmp_path)
    assert outcome.code != 0
    for rule in ("image-digest", "gpu-budget", "label-owner"):
        assert f"[mandatory]  {rule}" in outcome.output
    assert "found 2 nvidia.com/gpu; allowed: at most 1" in outcome.output


def test_a_rule_that_is_advisory_only_warns(stack: Stack, tmp_path: Path) -> None:
    outcome = preview(stack, {"image-digest": "advisory"}, tmp_path).succeeded()
    assert "[advisory]  image-digest" in outcome.output
