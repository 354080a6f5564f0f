"""What a stack gets of the nodes that a cluster has, by flags and without a terminal: found, chosen, or refused."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gpu_runners.errors import UsageWrongError
from gpu_runners.init.core.gpu_kinds import GpuKind
from gpu_runners.init.dialogue import Dialogue
from gpu_runners.init.gpu_nodes import gpu_kind
from tests.gpu_runners.init.core.test_gpu_kinds import node
from tests.gpu_runners.serving import serving

Json = dict[str, Any]
H100 = {"nvidia.com/gpu.product": "NVIDIA-H100", "nvidia.com/gpu.present": "true"}
GKE = {"cloud.google.com/gke-accelerator": "nvidia-l4", "cloud.google.com/gke-nodepool": "gpu"}
DEDICATED = {"key": "dedicated", "value": "x", "effect": "NoSchedule"}
MIXED = [node("a", H100, {"nvidia.com/gpu": "4", "nvidia.com/mig-1g.10gb": "7"})]
VENDORS = [node("a", {}, {"nvidia.com/gpu": "4"}), node("b", {}, {"amd.com/gpu": "2"}, DEDICATED)]


@contextmanager
def cluster(folder: Path, nodes: list[Json]) -> Iterator[Mapping[str, str]]:
    """An API server with these nodes; the environment that leads there."""

    async def listed(_: web.Request) -> web.Response:
        return web.json_response({"kind": "NodeList", "apiVersion": "v1", "metadata": {}, "items": nodes})

    application = web.Application()
    application.router.add_get("/api/v1/nodes", listed)
    with serving(application) as url:
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "c", "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": {"server": url}}],
        }  # fmt: skip
        (folder / "kubeconfig").write_text(json.dumps(config))
        yield {"KUBECONFIG": str(folder / "kubeconfig"), "HOME": str(folder), "NO_PROXY": "*"}


def chosen(folder: Path, nodes: list[Json], **flags: Any) -> GpuKind:
    with cluster(folder, nodes) as environment:
        return gpu_kind(environment, folder, "", Dialogue(flags, may_ask=False))


def test_a_label_that_is_no_model_finds_its_nodes(tmp_path: Path) -> None:
    kind = chosen(
        tmp_path, [node("a", GKE, {"nvidia.com/gpu": "1"})], node_selector=["cloud.google.com/gke-nodepool=gpu"]
    )
    assert (kind.preset, kind.selector, kind.nodes) == ("gke", GKE, 1)


@pytest.mark.parametrize(
    ("nodes", "flags", "words"),
    [
        ([node("a", H100, {"nvidia.com/gpu": "4"}, ready="Unknown")], {}, "no ready node there offers GPUs"),
        ([], {}, "no ready node there offers GPUs under a name that is known here now"),
        ([node("a", {}, {"amd.com/gpu": "4"})], {"node_selector": ["zone=a"]},
         "no ready node there with zone=a offers GPUs .*there: 1 node with 4 amd.com/gpu"),
        ([node("a", {}, {"habana.ai/gaudi": "8"})], {}, "there: habana.ai/gaudi; --gpu-resource names one"),
    ],
)  # fmt: skip
def test_where_no_such_node_is_no_preset_is_guessed(tmp_path: Path, nodes: list[Json], flags: Json, words: str) -> None:
    with pytest.raises(UsageWrongError, match=f"--preset is missing, and nobody is there to be asked: .*{words}"):
        chosen(tmp_path, nodes, **flags)


def test_without_a_cluster_no_preset_is_guessed(tmp_path: Path) -> None:
    environment = {"KUBECONFIG": str(tmp_path / "none"), "HOME": str(tmp_path)}
    with pytest.raises(UsageWrongError, match=r"--preset is missing, .*no cluster is asked; name the nodes with"):
        gpu_kind(environment, tmp_path, "", Dialogue({}, may_ask=False))


def test_a_pool_without_gpus_needs_none(tmp_path: Path) -> None:
    assert chosen(tmp_path, [], gpus="0").nodes == 0


@pytest.mark.parametrize("nodes", [MIXED, VENDORS])
def test_of_several_kinds_each_can_be_had_as_the_refusal_says(tmp_path: Path, nodes: list[Json]) -> None:
    with pytest.raises(UsageWrongError) as refused:
        chosen(tmp_path, nodes)
    words = str(refused.value)
    assert "choose one with --gpu-kind NUMBER: 1. 1 node with" in words
    for number in (1, 2):
        kind = chosen(tmp_path, nodes, gpu_kind=str(number))
        assert f"{number}. {kind}" in words
        assert chosen(tmp_path, nodes, gpu_resource=kind.resource) == kind


@pytest.mark.parametrize(("nodes", "number"), [(VENDORS, "3"), (VENDORS[:1], "7"), ([], "1"), (VENDORS, "many")])
def test_a_kind_that_is_not_there_is_refused(tmp_path: Path, nodes: list[Json], number: str) -> None:
    with pytest.raises(UsageWrongError, match=f"--gpu-kind: found '{number}'; allowed: "):
        chosen(tmp_path, nodes, gpu_kind=number)


def test_what_a_flag_names_is_looked_for_with_its_taints(tmp_path: Path) -> None:
    toleration = {"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}
    by_resource = chosen(tmp_path, VENDORS, gpu_resource="amd.com/gpu")
    assert (by_resource.preset, by_resource.tolerations, by_resource.gpus) == ("amd", (toleration,), 2)
    assert chosen(tmp_path, VENDORS, preset="amd") == by_resource
    gaudi = chosen(tmp_path, [node("a", {}, {"habana.ai/gaudi": "8"}, DEDICATED)], gpu_resource="habana.ai/gaudi")
    assert (gaudi.preset, gaudi.tolerations, gaudi.gpus) == ("", (toleration,), 8)


def test_what_a_flag_names_and_no_node_has_is_written_as_it_was_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kind = chosen(tmp_path, VENDORS[:1], gpu_resource="amd.com/gpu", node_selector=["zone=a"])
    assert (kind.resource, kind.preset, kind.selector, kind.nodes) == ("amd.com/gpu", "amd", {"zone": "a"}, 0)
    said = capsys.readouterr().out
    assert "no ready node there with zone=a offers amd.com/gpu now (there: 1 node with 4 nvidia.com/gpu" in said
