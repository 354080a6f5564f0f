"""The policy pack, run by the real engine: what it stops, what it lets pass, and who decides how hard it is."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

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


def test_an_autoscaled_pool_of_gpus_needs_a_maximum(backend: dict[str, str], tmp_path: Path) -> None:
    environment = {**backend, "PULUMI_PYTHON_CMD": str(paths.REPOSITORY / "lab" / "policy_host")}
    config = pools_config(pool("scaled", replicas=0, gpu=gpus(1), autoscaled=True))
    stack = Stack.make("policy-autoscaled", config, tmp_path, environment)
    outcome = preview(stack, LAB_IMAGES, tmp_path)
    assert outcome.code != 0
    assert "Deployment scaled: found an autoscaler without a maximum" in outcome.output
    agreed = {"gpu-budget": {"maximums": {"gpu-runners-test/scaled": 2}}}
    preview(stack, LAB_IMAGES | agreed, tmp_path).succeeded()


STRANGE_PROGRAM = """
import pulumi_kubernetes as k8s

later = k8s.core.v1.ConfigMap("later", metadata={"namespace": "gpu-runners-test"}, data={"image": "x"})
k8s.apps.v1.Deployment(
    "strange",
    metadata={"namespace": "gpu-runners-test", "name": "strange"},
    spec={
        "selector": {"match_labels": {"app": "strange"}},
        "replicas": later.id.apply(len),
        "template": {
            "metadata": {"labels": {"app": "strange"}},
            "spec": {"host_network": True, "containers": [{"name": "c", "image": later.id}]},
        },
    },
)
"""


def test_an_image_that_a_preview_does_not_know_is_stopped(backend: dict[str, str], tmp_path: Path) -> None:
    environment = {**backend, "PULUMI_PYTHON_CMD": str(paths.REPOSITORY / "lab" / "policy_host")}
    environment["LAB_PLUGIN_DIR"] = str(PACK)
    program, folder = tmp_path / "program", tmp_path / "stack"
    folder.mkdir()
    program.mkdir()
    description = yaml.safe_load((paths.REPOSITORY / "Pulumi.yaml").read_text())
    (program / "Pulumi.yaml").write_text(yaml.safe_dump({key: description[key] for key in ("name", "runtime")}))
    (program / "__main__.py").write_text(STRANGE_PROGRAM)
    outcome = preview(Stack.make("policy-strange", {}, folder, environment, program), {}, folder)
    assert outcome.code != 0
    assert "spec.containers[0].image: found a value that is known only in `up`" in outcome.output
    for rule in ("image-digest", "restricted-pod", "runner-credentials"):
        assert f"[mandatory]  {rule}" in outcome.output
