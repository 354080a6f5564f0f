"""What the doctor says of a stack by its file alone, and of a cluster that answers oddly."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from access.cluster.choice import ClusterChoice
from access.cluster.connection import ClusterConnection
from gpu_runners.doctor.checks import autoscaling, base_runners, caches, checks, need, readable
from gpu_runners.doctor.cluster import ClusterChecks
from gpu_runners.doctor.core.findings import Finding, State, ok
from gpu_runners.doctor.core.quota_scopes import Wish
from gpu_runners.stack_config import StackSource
from tests.access.cluster.api_server import ApiServer, api_server
from tests.program.stack_values import loaded, stack_file


def test_it_is_said_that_any_workflow_gets_to_base_runners_where_there_are_no_runner_groups() -> None:
    platform = loaded(stack_file("platform"), {"FORGE_TOKEN": "hunter2"}).platform
    assert platform is not None
    (finding,) = base_runners(platform)
    assert finding.state is State.OK
    assert finding.found == (
        "any workflow of mlops/guide that names their labels may run on the base runners of gpu-runners-base, as there"
        " are no runner groups; rights in the cluster get .github/workflows/train.yml@refs/heads/main alone"
    )


def test_a_pool_without_gpus_is_held_against_linux_nodes() -> None:
    values = stack_file("dev")
    del values["pools"][0]["gpu"]
    assert need(loaded(values).pools[0]).selector == {"kubernetes.io/os": "linux"}


def found_of_keda(server: ApiServer, folder: Path, *, scaled: bool) -> list[Finding]:
    values = stack_file("dev")
    if scaled:
        del values["pools"][0]["replicas"]
        values["pools"][0]["autoscaling"] = {"min": 0, "max": 2, "idleSeconds": 60}
    choice = ClusterChoice.of_stack({}, {"KUBECONFIG": str(server.kubeconfig(folder / "kubeconfig"))})
    with ClusterConnection(choice) as cluster:
        return list(autoscaling(loaded(values), cluster))


def test_it_is_said_whether_pools_can_follow_the_queue(tmp_path: Path) -> None:
    with api_server() as server:
        assert found_of_keda(server, tmp_path, scaled=False) == []
        first, second = found_of_keda(server, tmp_path, scaled=True)
    assert {first.state, second.state} == {State.FAILED}
    assert "KEDA 2.20 or newer" in first.found
    assert "add `autoscaler: keda` to the environment gpu-runners-dev" in second.cure


def test_a_cache_of_another_stack_is_looked_for(tmp_path: Path) -> None:
    values = stack_file("dev")
    values["pools"][0]["caches"] = [{"claim": name} for name in ("models", "late", "gone", "secret")]
    stack = loaded(values)
    path = f"/api/v1/namespaces/{stack.pools[0]['namespace']}/persistentvolumeclaims"
    with api_server() as server:
        for name, phase in (("models", "Bound"), ("late", "Pending")):
            server.answers[f"{path}/{name}"] = {"metadata": {}, "spec": {}, "status": {"phase": phase}}
        server.refusals[f"{path}/secret"] = (403, "forbidden")
        with ClusterConnection(ClusterChoice(files=str(server.kubeconfig(tmp_path / "kubeconfig")))) as cluster:
            findings = list(caches(stack, cluster))
    assert [finding.state for finding in findings] == [State.OK, State.UNKNOWN, State.FAILED, State.UNKNOWN]
    assert ["without a volume" in findings[1].found, "does not exist" in findings[2].found] == [True, True]
    assert all(finding.cure for finding in findings[1:])


def test_objects_that_cannot_be_read_end_their_part_and_are_told() -> None:
    def part() -> Iterator[Finding]:
        yield ok("first", "read")
        raise KeyError("status")

    first, second = readable(part())
    assert (first.check, second.state) == ("first", State.UNKNOWN)
    assert "another shape than Kubernetes' (KeyError)" in second.found
    assert "kubectl get nodes" in second.cure


NODES = "/api/v1/nodes"
READY = {"conditions": [{"type": "Ready", "status": "True"}]}


@pytest.mark.parametrize(
    "node",
    [
        {"status": None},
        {"spec": "x"},
        {"status": {"conditions": [None]}},
        {"status": {**READY, "allocatable": {"cpu": "NaN"}}},
        {"status": {**READY, "allocatable": {"nvidia.com/gpu": ["1"]}}},
        {"status": {**READY, "allocatable": ["cpu"]}},
    ],
)
def test_a_node_of_another_shape_stops_the_doctor_nowhere(tmp_path: Path, node: dict[str, Any]) -> None:
    stack = loaded(stack_file("dev"))
    with api_server() as server:
        server.answers[NODES] = {"items": [{"metadata": {"name": "odd"}, **node}]}
        choice = ClusterChoice(files=str(server.kubeconfig(tmp_path / "kubeconfig")))
        with ClusterConnection(choice) as cluster:
            nodes = ClusterChecks(cluster).nodes([need(pool) for pool in stack.pools])
            assert [finding.state for finding in readable(nodes)][-1] is not State.OK
        told = [finding.check for finding in checks(stack, StackSource(tmp_path, "dev", None), choice)]
    assert "quota of gpu-runners-dev" in told  # it went on


def test_a_pull_secret_of_a_type_that_no_kubelet_reads_is_told_by_its_name_alone(tmp_path: Path) -> None:
    """`kubectl create secret generic` makes one; a pull with it fails as if there were none."""
    secrets = {"ci": "kubernetes.io/dockerconfigjson", "old": "kubernetes.io/dockercfg", "generic": "Opaque"}
    with api_server() as server:
        items = [{"metadata": {"name": name}, "type": kind} for name, kind in secrets.items()]
        server.answers["/api/v1/namespaces/dev/secrets"] = {"items": items}
        with ClusterConnection(ClusterChoice(files=str(server.kubeconfig(tmp_path / "kubeconfig")))) as cluster:
            assert ClusterChecks(cluster).pull_secrets("dev", ["ci", "old"]).state is State.OK
            finding = ClusterChecks(cluster).pull_secrets("dev", ["ci", "generic"])
    assert (finding.state, finding.found.split(" ")[0]) == (State.FAILED, "generic")
    assert "create secret docker-registry generic" in finding.cure


def test_a_quota_of_jobs_that_end_by_themselves_keeps_no_runner_out(tmp_path: Path) -> None:
    gpu = "nvidia.com/gpu"
    hard = {f"requests.{gpu}": "0"}
    scoped = [
        {"metadata": {"name": scope}, "spec": {"hard": hard, "scopes": [scope]}}
        for scope in ("Terminating", "PriorityClass")
    ]
    with api_server() as server:
        server.answers["/api/v1/namespaces/dev/resourcequotas"] = {"items": scoped}
        with ClusterConnection(ClusterChoice(files=str(server.kubeconfig(tmp_path / "kubeconfig")))) as cluster:
            quota = ClusterChecks(cluster).quota
            (plain,) = quota("dev", [Wish("cuda", {gpu: 1})], declared=False)
            (urgent,) = quota("dev", [Wish("cuda", {gpu: 1}), Wish("urgent", {gpu: 1}, "high")], declared=False)
    assert (plain.state, urgent.state) == (State.OK, State.FAILED)
    assert urgent.found == "the stack's pools want 1 nvidia.com/gpu of 0 that the quota grants"
