"""A stack of pools says to the engine what pulumi_kubernetes would, without its models."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from components.kubernetes_object import KubernetesObject
from components.labels import object_metadata
from components.pools.online_pools import pools_data
from components.pools.prepull import prepull_spec
from components.pools.runner_deployment import RunnerDeployment, deployment_spec
from components.pools.scaled_object import scaled_object_spec
from tests.components.pools.test_runner_deployment import pool
from tests.program.recorded import Recorded, run
from values.pool import RunnerPool

QUEUE = "https://registrar.system.svc:8445/queue"
GPU = {"resource": "example.com/gpu_x", "count": 2, "node_selector": {"my_rack": "r_1"}, "tolerations": []}
POOLS = {
    "as it is": pool(),
    "without GPUs": pool(gpu=None, identity="deployer"),
    "at GitHub": pool(forge="github"),
    "words of people that look like fields": pool(gpu=GPU, env={"match_labels": "host_pid"}),
    "all that it may have": pool(
        pull_secrets=["ml"], runtime_class="nvidia", priority_class="gpu-batch", proxy={"HTTPS_PROXY": "http://p:1"},
        caches=[{"claim": "datasets", "writable": False}, {"claim": "models", "writable": True}],
    ),
    "images pulled ahead": pool(prepull=True, pull_secrets=["ml"]),
    "that follows the queue": pool(autoscaling={"min": 0, "max": 4, "idle_seconds": 9}, autoscaled=True, replicas=0),
}  # fmt: skip


def sent(declare: Callable[[], object], kind: str) -> Recorded:
    (recorded,) = run(declare).of(kind)
    return recorded


def same(ours: Recorded, librarys: Recorded) -> None:
    assert (ours.type, ours.name, ours.version) == (librarys.type, librarys.name, librarys.version)
    assert ours.inputs == librarys.inputs


@pytest.mark.parametrize("declared", POOLS.values(), ids=POOLS)
def test_a_pools_deployment_is_the_one_of_the_library(declared: RunnerPool) -> None:
    ours = sent(lambda: RunnerDeployment("cuda", declared, queue=QUEUE), "Deployment")
    metadata, spec = ours.inputs["metadata"], deployment_spec(declared)
    same(ours, sent(lambda: k8s.apps.v1.Deployment("cuda", metadata=metadata, spec=spec), "Deployment"))


def test_what_has_images_pulled_ahead_is_the_one_of_the_library() -> None:
    declared = POOLS["images pulled ahead"]
    ours = sent(lambda: RunnerDeployment("cuda", declared), "DaemonSet")
    metadata, spec = ours.inputs["metadata"], prepull_spec(declared)
    same(ours, sent(lambda: k8s.apps.v1.DaemonSet("cuda-prepull", metadata=metadata, spec=spec), "DaemonSet"))


def test_what_scales_a_pool_is_the_one_of_the_library() -> None:
    declared = POOLS["that follows the queue"]
    ours = sent(lambda: RunnerDeployment("cuda", declared, queue=QUEUE), "ScaledObject")
    spec = scaled_object_spec("cuda", declared["autoscaling"], f"{QUEUE}/gpu-runners-dev/cuda")

    def by_library() -> None:
        k8s.apiextensions.CustomResource(
            "cuda-autoscaling", api_version="keda.sh/v1alpha1", kind="ScaledObject",
            metadata=ours.inputs["metadata"], spec=spec,
        )  # fmt: skip

    same(ours, sent(by_library, "ScaledObject"))


def test_the_list_of_pools_is_the_one_of_the_library() -> None:
    fields: dict[str, Any] = {
        "metadata": object_metadata("runners", "pools-dev", "runners"),
        "data": {**pools_data(list(POOLS.values())), "words_of_people": "x"},
    }
    ours = sent(lambda: KubernetesObject("pools-dev", "v1", "ConfigMap", fields), "ConfigMap")
    same(ours, sent(lambda: k8s.core.v1.ConfigMap("pools-dev", **fields), "ConfigMap"))


def test_options_are_the_declarers() -> None:
    options = pulumi.ResourceOptions(ignore_changes=["spec.replicas"])
    declared = sent(lambda: KubernetesObject("a", "apps/v1", "Deployment", {"metadata": {}}, options), "Deployment")
    assert declared.ignored == ("spec.replicas",)


def test_a_program_of_pools_loads_no_models_of_kubernetes() -> None:
    """They take longer than everything else before the first pool is declared."""
    program = "import sys, components.pools.declare, config; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "pulumi" in loaded.stdout.split()
    assert "pulumi_kubernetes" not in loaded.stdout.split()
