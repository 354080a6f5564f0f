"""Whether pools may follow the queue is known before anything is declared."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from access.cluster.choice import ClusterChoice
from access.cluster.keda import AutoscalingRefusedError, require_keda
from tests.access.cluster.api_server import ApiServer, api_server
from tests.components.pools.test_runner_deployment import CUDA
from values.pool import RunnerPool

SPACE = CUDA["namespace"]
QUEUE = "https://registrar.system.svc:8445/queue"
TARGET = {"kind": "Deployment", "name": "cuda"}
TRIGGERS = {"type": "array", "minItems": 1}
SCALED_OBJECTS = f"/apis/keda.sh/v1alpha1/namespaces/{SPACE}/scaledobjects"
APISERVICE = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io"
AUTOSCALERS = f"/apis/autoscaling/v2/namespaces/{SPACE}/horizontalpodautoscalers"


def schema(**triggers: Any) -> dict[str, Any]:
    spec = {"properties": {"triggers": triggers, "advanced": {"properties": {"tolerance": {}}}}}
    kinds = [{"group": "keda.sh", "version": "v1alpha1", "kind": "ScaledObject"}]
    return {"components": {"schemas": {"x": {"x-kubernetes-group-version-kind": kinds, "properties": {"spec": spec}}}}}


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as it:
        it.answers |= {
            "/apis/keda.sh/v1alpha1": {"resources": []},
            "/openapi/v3/apis/keda.sh/v1alpha1": schema(**TRIGGERS),
            "/apis/external.metrics.k8s.io/v1beta1": {"resources": [{"name": "externalmetrics"}]},
            f"/api/v1/namespaces/{SPACE}/configmaps/registrar": {"data": {"queue": QUEUE}},
            SCALED_OBJECTS: {"items": []},
            AUTOSCALERS: {"items": []},
        }
        yield it


def scaled(**changes: Any) -> RunnerPool:
    pool = copy.deepcopy(CUDA)
    pool["autoscaling"] = {"min": 0, "max": 3, "idle_seconds": 60}
    pool.update(changes)  # type: ignore[typeddict-item]
    return pool


def ask(server: ApiServer, folder: Path, *pools: RunnerPool, **declared: str) -> dict[str, str]:
    choice = ClusterChoice.of_stack({}, {"KUBECONFIG": str(server.kubeconfig(folder / "kubeconfig"))})
    return require_keda(choice, pools, declared)


def refusal(server: ApiServer, folder: Path, *pools: RunnerPool, **declared: str) -> str:
    with pytest.raises(AutoscalingRefusedError) as caught:
        ask(server, folder, *(pools or (scaled(),)), **declared)
    return str(caught.value)


def test_a_stack_whose_pools_have_a_number_asks_nobody(server: ApiServer, tmp_path: Path) -> None:
    assert ask(server, tmp_path, CUDA) == {}
    assert server.asked == []


def test_the_platform_says_where_the_queue_is_read(server: ApiServer, tmp_path: Path) -> None:
    assert ask(server, tmp_path, scaled()) == {SPACE: QUEUE}


def test_a_stack_that_holds_both_says_so_itself(server: ApiServer, tmp_path: Path) -> None:
    del server.answers[f"/api/v1/namespaces/{SPACE}/configmaps/registrar"]
    assert ask(server, tmp_path, scaled(), **{SPACE: QUEUE}) == {SPACE: QUEUE}


def test_keda_that_is_missing_is_named_for_pools_and_for_a_platform(server: ApiServer, tmp_path: Path) -> None:
    del server.answers["/apis/keda.sh/v1alpha1"]
    for pools, declared in (((scaled(),), {}), ((CUDA,), {SPACE: QUEUE})):
        text = refusal(server, tmp_path, *pools, **declared)
        assert "KEDA: found a cluster that does not know its ScaledObjects; allowed: KEDA 2.20 or newer" in text


def test_keda_that_is_too_old_is_named(server: ApiServer, tmp_path: Path) -> None:
    server.answers["/openapi/v3/apis/keda.sh/v1alpha1"] = schema(type="array")
    assert "KEDA: found ScaledObjects of an older version" in refusal(server, tmp_path)


def test_a_metrics_server_that_is_missing_is_named(server: ApiServer, tmp_path: Path) -> None:
    del server.answers["/apis/external.metrics.k8s.io/v1beta1"]
    assert "KEDA's metrics server: found none" in refusal(server, tmp_path)


def serves(server: ApiServer, name: str) -> None:
    """The Service of that name serves the external metrics."""
    server.answers[APISERVICE] = {"spec": {"service": {"name": name, "namespace": "metrics"}}}


@pytest.mark.parametrize(
    "name", ["keda-metrics-apiserver", "keda-operator-metrics-apiserver", "ours-metrics-apiserver"]
)
def test_keda_s_metrics_server_is_known_by_any_release_s_name(server: ApiServer, tmp_path: Path, name: str) -> None:
    serves(server, name)
    assert ask(server, tmp_path, scaled()) == {SPACE: QUEUE}


def test_who_may_not_look_at_the_metrics_service_is_not_held_up(server: ApiServer, tmp_path: Path) -> None:
    server.refusals[APISERVICE] = (403, "forbidden")
    assert ask(server, tmp_path, scaled()) == {SPACE: QUEUE}


@pytest.mark.parametrize("listed", ["externalmetrics", "nginx.net.request_per_s"])
def test_another_adapter_in_the_place_of_keda_s_is_named(server: ApiServer, tmp_path: Path, listed: str) -> None:
    server.answers["/apis/external.metrics.k8s.io/v1beta1"] = {"resources": [{"name": listed}]}
    serves(server, "datadog-cluster-agent-metrics-api")
    text = refusal(server, tmp_path)
    assert "KEDA's metrics server: found the Service metrics/datadog-cluster-agent-metrics-api, which is not" in text
    assert "point the APIService v1beta1.external.metrics.k8s.io to KEDA's metrics server" in text


@pytest.mark.parametrize("resources", [[], [{"name": "nginx.net.request_per_s"}], None])
def test_another_adapter_is_told_where_nobody_may_look_whose_it_is(
    server: ApiServer, tmp_path: Path, resources: list[dict[str, str]] | None
) -> None:
    server.answers["/apis/external.metrics.k8s.io/v1beta1"] = {"resources": resources}
    server.refusals[APISERVICE] = (403, "forbidden")
    assert "KEDA's metrics server: found something else, which is not KEDA's" in refusal(server, tmp_path)


@pytest.mark.parametrize("data", [{}, {"queue": "http://elsewhere/queue"}, {"queue": 1}])
def test_a_namespace_without_an_autoscaler_is_named_with_who_can_give_it_one(
    server: ApiServer, tmp_path: Path, data: dict[str, Any]
) -> None:
    server.answers[f"/api/v1/namespaces/{SPACE}/configmaps/registrar"] = {"data": data}
    assert f"add `autoscaler: keda` to the environment {SPACE}" in refusal(server, tmp_path)


@pytest.mark.parametrize("name", ["cuda", "by-hand"])
def test_another_scaled_object_on_the_same_pool_is_named(server: ApiServer, tmp_path: Path, name: str) -> None:
    server.answers[SCALED_OBJECTS] = {"items": [{"metadata": {"name": name}, "spec": {"scaleTargetRef": TARGET}}]}
    text = refusal(server, tmp_path)
    assert f"autoscaling of pool {SPACE}/cuda: found the ScaledObject {SPACE}/{name}, which scales it already" in text
    assert f"kubectl delete scaledobject {name} -n {SPACE}" in text


def test_an_autoscaler_of_kubernetes_on_the_same_pool_is_named(server: ApiServer, tmp_path: Path) -> None:
    server.answers[AUTOSCALERS] = {"items": [{"metadata": {"name": "by-hand"}, "spec": {"scaleTargetRef": TARGET}}]}
    assert f"the HorizontalPodAutoscaler {SPACE}/by-hand" in refusal(server, tmp_path)


def test_our_own_scaled_object_and_what_keda_made_of_it_are_no_rivals(server: ApiServer, tmp_path: Path) -> None:
    own = {"name": "cuda", "labels": {"gpu-runners.dev/pool": "cuda"}}
    server.answers[SCALED_OBJECTS] = {
        "items": [
            {"metadata": own, "spec": {"scaleTargetRef": {"name": "cuda"}}},
            {"metadata": {"name": "other"}, "spec": {"scaleTargetRef": {"name": "other"}}},
        ]
    }
    made = {"name": "keda-hpa-cuda", "ownerReferences": [{"kind": "ScaledObject", "name": "cuda"}]}
    server.answers[AUTOSCALERS] = {"items": [{"metadata": made, "spec": {"scaleTargetRef": TARGET}}]}
    assert ask(server, tmp_path, scaled()) == {SPACE: QUEUE}
