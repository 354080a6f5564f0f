"""What an environment grants beside what every pool has, and what the cluster itself adds to pods, tried on its API."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from lab.trial.deadline import until
from lab.trial.kubernetes import Json, KubernetesApi
from tests.lab.adversary.hostile_pods import HOSTILE_EXTRAS, HOSTILE_PROXIES
from tests.lab.adversary.test_pods import REFUSED, changed, try_deployment, try_pod
from tests.lab.adversary.written_pods import CLASS, EXTRAS, NAMESPACE, WRITTEN_EXTRAS, Change, deployment, pod

PRIORITY_CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
RUNTIME_CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"
ACCOUNT = f"/api/v1/namespaces/{EXTRAS}/serviceaccounts/runner"


@contextmanager
def made(api: KubernetesApi, path: str, body: Json) -> Iterator[None]:
    """An object of the cluster that is there for a while."""
    api.delete(f"{path}/{body['metadata']['name']}")
    api.create(path, body)
    try:
        yield
    finally:
        api.delete(f"{path}/{body['metadata']['name']}")


@pytest.fixture(scope="module")
def classes(api: KubernetesApi, closed: None) -> Iterator[None]:
    """The classes that the environment names: one with a priority, one whose pods cost more than their containers."""
    metadata = {"name": CLASS}
    runtime = {
        "metadata": metadata,
        "handler": "runc",
        "overhead": {"podFixed": {"cpu": "10m"}},
        "scheduling": {
            "nodeSelector": {"sandbox": "yes"},
            "tolerations": [{"key": "sandbox", "operator": "Exists", "effect": "NoSchedule"}],
        },
    }
    priority = {"metadata": metadata, "value": 1000, "preemptionPolicy": "Never"}
    with made(api, RUNTIME_CLASSES, runtime), made(api, PRIORITY_CLASSES, priority):
        yield


@pytest.fixture(scope="module")
def written(classes: None) -> Json:
    """The plainest Deployment of the namespace."""
    return deployment(namespace=EXTRAS)


@pytest.mark.parametrize("options", WRITTEN_EXTRAS.values(), ids=WRITTEN_EXTRAS)
def test_what_is_granted_is_admitted_there_and_nowhere_else(
    api: KubernetesApi, classes: None, options: dict[str, Any]
) -> None:
    granted = deployment(namespace=EXTRAS, **options)
    for status, message in (try_deployment(api, granted, ""), try_pod(api, pod(granted), EXTRAS)):
        assert status == 201, message
    if "proxy" in options:  # which is the whole platform's
        return
    elsewhere = deployment(namespace=NAMESPACE, **options)
    for status, message in (try_deployment(api, elsewhere, ""), try_pod(api, pod(elsewhere), NAMESPACE)):
        assert status == 422, message
        assert REFUSED in message


@pytest.mark.parametrize(
    ("change", "field"), [*HOSTILE_EXTRAS.values(), *HOSTILE_PROXIES.values()], ids=[*HOSTILE_EXTRAS, *HOSTILE_PROXIES]
)
def test_where_some_extras_are_granted_all_others_are_refused(
    api: KubernetesApi, written: Json, change: Change, field: str
) -> None:
    status, message = try_deployment(api, changed(written, change), "")
    assert status == 422, message
    assert REFUSED in message
    assert field in message
    hostile = pod(written)
    change(hostile)
    status, message = try_pod(api, hostile, EXTRAS)
    assert status in (403, 422), message
    assert REFUSED not in message or field in message, message


def test_a_cluster_with_a_default_priority_class_needs_it_to_be_granted(api: KubernetesApi, closed: None) -> None:
    default = {"metadata": {"name": CLASS}, "value": 1000, "globalDefault": True}
    thrown = pod(deployment())
    with made(api, PRIORITY_CLASSES, default):
        given = f'"priorityClassName":"{CLASS}"'
        until("the API server gives it to pods", lambda: given in try_pod(api, copy.deepcopy(thrown), EXTRAS)[1], 30)
        status, message = try_pod(api, copy.deepcopy(thrown), NAMESPACE)
        assert status == 422, message
        assert "spec.priorityClassName" in message


def says(api: KubernetesApi, thrown: Json, words: str) -> bool:
    """Whether the answer to a pod has these words."""
    return words in try_pod(api, copy.deepcopy(thrown), EXTRAS)[1]


def test_pull_secrets_of_a_service_account_need_to_be_granted(api: KubernetesApi, closed: None) -> None:
    thrown = pod(deployment(namespace=EXTRAS))
    try:
        for name, words in (
            ("registry", '"imagePullSecrets":[{"name":"registry"}]'),
            ("other", "found other, allowed"),
        ):
            api.patch(ACCOUNT, {"imagePullSecrets": [{"name": name}]})
            until(f"pods get {name}", partial(says, api, thrown, words), 30)
    finally:
        api.patch(ACCOUNT, {"imagePullSecrets": None})
