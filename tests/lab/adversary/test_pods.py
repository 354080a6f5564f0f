"""Who may deploy throws pods at a namespace of runners: what the program writes is admitted, nothing else is.

Each try is made as the deployer, by a Deployment, and as the administrator, by the pod itself: the latter stands for
whoever holds more rights than the program gives anybody.
"""

import copy
from typing import Any

import pytest

from lab.trial.deadline import until
from lab.trial.kubernetes import Json, KubernetesApi
from tests.lab.adversary.hostile_pods import HOSTILE, HOSTILE_BASE, HOSTILE_PODS, HOSTILE_POOLS, INVALID
from tests.lab.adversary.written_pods import (
    BASE,
    DEPLOYER,
    EXTRAS,
    NAMESPACE,
    WRITTEN,
    WRITTEN_BASE,
    Change,
    deployment,
    pod,
)

DRY = "?dryRun=All"
REFUSED = "refused in a namespace of runners: "
CHECK_SECONDS = 120  # the controller takes some seconds for each policy, one after the other
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"


def try_deployment(api: KubernetesApi, written: Json, user: str = DEPLOYER) -> tuple[int, str]:
    """What becomes of a Deployment."""
    path = f"/apis/apps/v1/namespaces/{written['metadata']['namespace']}/deployments{DRY}"
    answer = api.attempt("POST", path, written, user)
    return answer.status_code, answer.text


def try_pod(api: KubernetesApi, thrown: Json, namespace: str = NAMESPACE, user: str = "") -> tuple[int, str]:
    """What becomes of a pod."""
    answer = api.attempt("POST", f"/api/v1/namespaces/{namespace}/pods{DRY}", thrown, user)
    return answer.status_code, answer.text


def changed(written: Json, change: Change) -> Json:
    """A Deployment whose pods are changed."""
    hostile = copy.deepcopy(written)
    change(hostile["spec"]["template"])
    labels = hostile["spec"]["template"]["metadata"]["labels"]
    hostile["spec"]["selector"] = {"matchLabels": {"gpu-runners.dev/pool": labels["gpu-runners.dev/pool"]}}
    return hostile


@pytest.fixture(scope="module")
def written(closed: None) -> Json:
    """The plainest Deployment that the program writes there."""
    return deployment()


@pytest.mark.parametrize("options", WRITTEN.values(), ids=WRITTEN)
def test_what_the_program_writes_is_admitted(api: KubernetesApi, closed: None, options: dict[str, Any]) -> None:
    made = deployment(**options)
    status, message = try_deployment(api, made)
    assert status == 201, message
    status, message = try_pod(api, pod(made))
    assert status == 201, message


@pytest.mark.parametrize("options", WRITTEN_BASE.values(), ids=WRITTEN_BASE)
def test_base_runners_are_admitted_where_they_live_and_nowhere_else(
    api: KubernetesApi, closed: None, options: dict[str, Any]
) -> None:
    made = deployment(**options)
    status, message = try_deployment(api, made, user="")
    assert status == 201, message
    made["metadata"]["namespace"] = NAMESPACE
    status, message = try_deployment(api, made)
    assert status == 422, message
    assert REFUSED in message


@pytest.mark.parametrize(
    ("change", "field"), [*HOSTILE.values(), *HOSTILE_POOLS.values()], ids=[*HOSTILE, *HOSTILE_POOLS]
)
def test_a_hostile_pool_is_refused_by_the_name_of_the_field(
    api: KubernetesApi, written: Json, change: Change, field: str
) -> None:
    status, message = try_deployment(api, changed(written, change))
    assert status == 422, message
    assert REFUSED in message, message
    assert field in message, message


@pytest.mark.parametrize(
    ("change", "field"), [*HOSTILE.values(), *HOSTILE_PODS.values()], ids=[*HOSTILE, *HOSTILE_PODS]
)
def test_a_hostile_pod_is_refused(api: KubernetesApi, written: Json, change: Change, field: str) -> None:
    hostile = pod(written)
    change(hostile)
    status, message = try_pod(api, hostile)
    # Other rules of the API server, as Pod Security, may be the first to refuse a pod.
    assert status in (403, 422), message
    assert REFUSED not in message or field in message, message


@pytest.mark.parametrize(("change", "field"), HOSTILE_BASE.values(), ids=HOSTILE_BASE)
def test_a_hostile_base_runner_is_refused_by_the_name_of_the_field(
    api: KubernetesApi, closed: None, change: Change, field: str
) -> None:
    """Made by an administrator: nobody else makes base runners."""
    written = deployment(**WRITTEN_BASE["deployer"])
    for status, message in (
        try_deployment(api, changed(written, change), user=""),
        try_pod(api, pod(changed(written, change)), BASE),
    ):
        assert status in (403, 422), message
        assert f"{REFUSED}" in message, message
        assert field in message, message


@pytest.mark.parametrize("change", INVALID.values(), ids=INVALID)
def test_what_is_no_pod_at_all_is_refused_by_the_api_server_itself(
    api: KubernetesApi, written: Json, change: Change
) -> None:
    status, message = try_deployment(api, changed(written, change))
    assert status == 422, message


def test_what_was_found_and_what_is_allowed_is_said(api: KubernetesApi, written: Json) -> None:
    _, message = try_deployment(api, changed(written, HOSTILE["grace of ten years"][0]))
    assert "spec.terminationGracePeriodSeconds: found 315360000, allowed 0 to 432000; cure: " in message


def test_several_breaches_of_one_object_are_told_at_once(api: KubernetesApi, written: Json) -> None:
    def change(template: Json) -> None:
        template["spec"].update(hostNetwork=True, subdomain="x")

    _, message = try_deployment(api, changed(written, change))
    assert "spec.hostNetwork" in message
    assert "spec.subdomain" in message


def test_the_deployer_makes_no_pods_himself_and_enters_none(api: KubernetesApi, written: Json) -> None:
    pods = f"/api/v1/namespaces/{NAMESPACE}/pods"
    status, message = try_pod(api, pod(written), user=DEPLOYER)
    assert status == 403, message
    tries: list[tuple[str, str, Json]] = [
        ("PATCH", f"{pods}/x{DRY}", {"metadata": {"annotations": {"gpu-runners.dev/busy": "1"}}}),
        ("PATCH", f"{pods}/x/status{DRY}", {"metadata": {"annotations": {"gpu-runners.dev/busy": "1"}}}),
        ("PATCH", f"{pods}/x/ephemeralcontainers{DRY}", {"spec": {"ephemeralContainers": []}}),
        ("PATCH", f"{pods}/x/resize{DRY}", {"spec": {}}),
        ("POST", f"{pods}/x/exec?command=id", {}),
        ("POST", f"{pods}/x/attach", {}),
        ("POST", f"{pods}/x/portforward", {}),
        ("POST", f"{pods}/x/eviction", {}),
        ("POST", f"{pods}/x/binding{DRY}", {"target": {"name": "lab"}}),
        ("GET", f"{pods}/x/proxy", {}),
        ("DELETE", f"{pods}/x{DRY}", {}),
        ("DELETE", f"{POLICIES}/{NAMESPACE}-runner-pods{DRY}", {}),
        ("POST", f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs{DRY}", {"metadata": {"name": "x"}}),
        ("POST", f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets{DRY}", {"metadata": {"name": "x"}}),
        ("POST", f"/apis/apps/v1/namespaces/{NAMESPACE}/replicasets{DRY}", {"metadata": {"name": "x"}}),
    ]
    for method, path, body in tries:
        answer = api.attempt(method, path, body, DEPLOYER)
        assert answer.status_code == 403, f"{method} {path}: {answer.status_code} {answer.text}"
        assert "cannot" in answer.text, answer.text  # refused for want of a right, not by a policy


def test_no_other_workload_gets_a_pod_in(api: KubernetesApi, written: Json) -> None:
    """Whatever makes the pods of a Job or a DaemonSet, its pods are judged like any other."""
    hostile = pod(written)
    hostile["metadata"]["ownerReferences"] = [
        {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": "u", "controller": True}
    ]
    status, message = try_pod(api, hostile)
    assert status == 422, message
    assert "metadata.ownerReferences[d].kind: found DaemonSet, allowed ReplicaSet" in message


def checked(policy: Json) -> bool:
    """Whether the types of a policy's expressions have been checked as they are now."""
    return bool(policy.get("status", {}).get("observedGeneration") == policy["metadata"]["generation"])


@pytest.mark.parametrize("namespace", [NAMESPACE, BASE, EXTRAS])
@pytest.mark.parametrize("suffix", ["runner-pods", "runner-pools", "runner-metadata"])
def test_the_api_server_finds_no_fault_with_the_policies(
    api: KubernetesApi, closed: None, namespace: str, suffix: str
) -> None:
    path = f"{POLICIES}/{namespace}-{suffix}"
    until("the API server has checked its types", lambda: checked(api.get(path)), CHECK_SECONDS)
    policy = api.get(path)
    assert policy["spec"]["failurePolicy"] == "Fail"
    assert policy["status"]["typeChecking"] == {}
    binding = api.get(f"{POLICIES.removesuffix('ies')}ybindings/{namespace}-{suffix}")
    assert binding["spec"]["validationActions"] == ["Deny"]
