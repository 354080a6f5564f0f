"""What the API server refuses in a namespace of runners, tried as its administrator and as the registrar."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from lab.trial.deadline import until
from lab.trial.kubernetes import Json, KubernetesApi
from lab.trial.pods import Pods, RunnerPod
from lab.trial.pools import NAMESPACE, SYSTEM_NAMESPACE, pool, pools_config
from lab.trial.stack import Stack
from tests.lab.conftest import MakeStack
from values import contract

Change = Callable[[Json], object]
DRY = "?dryRun=All"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
REGISTRAR = f"system:serviceaccount:{SYSTEM_NAMESPACE}:{contract.SERVICE_NAME}"
REFUSED = "refused in a namespace of runners: "


@pytest.fixture(scope="module")
def runner(workers: str, pods: Pods) -> RunnerPod:
    """A runner that waits for a job."""
    return pods.until_ready(workers, 2)[0]


@pytest.fixture(scope="module")
def deployment(api: KubernetesApi, workers: str) -> Json:
    """A pool as it would be made anew."""
    live = api.get(f"{DEPLOYMENTS}/{workers}")
    return {"metadata": {"name": "admission"}, "spec": live["spec"]}


def try_deployment(api: KubernetesApi, deployment: Json, change: Change) -> tuple[int, str]:
    """What becomes of a pool whose pod is changed."""
    changed = copy.deepcopy(deployment)
    change(changed["spec"]["template"]["spec"])
    answer = api.attempt("POST", DEPLOYMENTS + DRY, changed)
    return answer.status_code, answer.text


def try_pod(api: KubernetesApi, deployment: Json, change: Change) -> tuple[int, str]:
    """What becomes of a pod that no pool made."""
    template = copy.deepcopy(deployment["spec"]["template"])
    change(template["spec"])
    template["metadata"]["name"] = "admission"
    answer = api.attempt("POST", f"/api/v1/namespaces/{NAMESPACE}/pods{DRY}", template)
    return answer.status_code, answer.text


def sidecar(name: str, kind: str) -> Change:
    def add(spec: Json) -> None:
        spec[kind].append({**spec["containers"][0], "name": name, "lifecycle": None})

    return add


def volume(**source: Any) -> Change:
    return lambda spec: spec["volumes"].append({"name": "odd", **source})


def variable(spec: Json) -> None:
    source = {"secretKeyRef": {"name": "s", "key": "k"}}
    spec["containers"][0]["env"].append({"name": "A", "valueFrom": source})


IMAGE = "spec.containers[runner].image: found "
BREACHES: list[tuple[str, Change, str]] = [
    ("sidecar", sidecar("miner", "containers"), "spec.containers[miner].name: found miner, allowed runner"),
    ("init container", sidecar("loader", "initContainers"), "spec.initContainers[loader]"),
    ("renamed", lambda spec: spec["containers"][0].update(name="main"), "spec.containers[main].name"),
    ("foreign image", lambda spec: spec["containers"][0].update(image="elsewhere/cuda:12"), IMAGE),
    ("image of a namesake", lambda spec: spec["containers"][0].update(image="lab.locals/cuda:1"), IMAGE),
    ("half a digest", lambda spec: spec["containers"][0].update(image="lab.local/a@sha256:00"), IMAGE),
    ("another account", lambda spec: spec.update(serviceAccountName="default"), "spec.serviceAccountName: found"),
    ("a deployer", lambda spec: spec.update(serviceAccountName="deployer"), "spec.serviceAccountName: found"),
    ("host path", volume(hostPath={"path": "/"}), "spec.volumes[odd].hostPath"),
    ("Secret", volume(secret={"secretName": "s"}), "spec.volumes[odd].secret"),
    (
        "projected Secret",
        volume(projected={"sources": [{"secret": {"name": "s"}}]}),
        "spec.volumes[odd].projected.sources[].secret",
    ),
    ("variable from a Secret", variable, "spec.containers[runner].env[A].valueFrom"),
    ("host network", lambda spec: spec.update(hostNetwork=True), "spec.hostNetwork: found true, allowed false"),
    ("host processes", lambda spec: spec.update(hostPID=True), "spec.hostPID"),
    ("host IPC", lambda spec: spec.update(hostIPC=True), "spec.hostIPC"),
]


@pytest.mark.parametrize(("change", "allowed"), [row[1:] for row in BREACHES], ids=[row[0] for row in BREACHES])
def test_what_is_no_runner_is_refused_as_a_pool_and_as_a_pod(
    api: KubernetesApi, deployment: Json, change: Change, allowed: str
) -> None:
    status, message = try_deployment(api, deployment, change)
    assert status == 403 or status == 422, message
    assert REFUSED in message
    assert allowed in message
    # Pod Security may be the first to refuse a pod.
    status, message = try_pod(api, deployment, change)
    assert status == 403 or status == 422, message


def test_the_programs_own_pods_are_admitted(api: KubernetesApi, deployment: Json) -> None:
    for attempt in (try_deployment, try_pod):
        status, message = attempt(api, deployment, lambda spec: None)
        assert status == 201, message


def test_up_says_at_once_why_a_pool_is_refused(make_stack: MakeStack, platform: Stack) -> None:
    outcome = make_stack("policy-foreign", pools_config(pool("foreign", image="elsewhere/cuda:12"))).up()
    assert outcome.code != 0
    assert (
        f"{REFUSED}spec.containers[runner].image: found elsewhere/cuda:12, allowed lab.local/; cure: " in outcome.output
    )


def test_other_namespaces_are_not_judged(api: KubernetesApi, deployment: Json) -> None:
    changed = copy.deepcopy(deployment)
    sidecar("other", "containers")(changed["spec"]["template"]["spec"])
    answer = api.attempt("POST", f"/apis/apps/v1/namespaces/default/deployments{DRY}", changed)
    assert answer.status_code == 201, answer.text


def test_a_debug_container_is_refused(api: KubernetesApi, runner: RunnerPod) -> None:
    container = {
        "name": "debugger",
        "image": "lab.local/cuda-mlops:lab",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    path = f"{pod_path(runner)}/ephemeralcontainers{DRY}"
    answer = api.attempt("PATCH", path, {"spec": {"ephemeralContainers": [container]}})
    assert answer.status_code in (403, 422), answer.text
    assert "spec.ephemeralContainers: found a field that no runner has" in answer.text


def test_a_pool_cannot_be_loosened_later(api: KubernetesApi, workers: str) -> None:
    change = {"spec": {"template": {"spec": {"hostNetwork": True}}}}
    answer = api.attempt("PATCH", f"{DEPLOYMENTS}/{workers}{DRY}", change)
    assert answer.status_code in (403, 422), answer.text
    assert REFUSED in answer.text


def test_a_pool_can_be_scaled_and_labelled_by_hand(api: KubernetesApi, workers: str) -> None:
    for change in ({"spec": {"replicas": 3}}, {"metadata": {"labels": {"tried": "true"}}}):
        answer = api.attempt("PATCH", f"{DEPLOYMENTS}/{workers}{DRY}", change)
        assert answer.status_code == 200, answer.text


def pod_path(runner: RunnerPod) -> str:
    return f"/api/v1/namespaces/{NAMESPACE}/pods/{runner.name}"


def test_the_registrar_cannot_patch_a_pod(api: KubernetesApi, runner: RunnerPod) -> None:
    change = {"spec": {"containers": [{"name": "runner", "image": "lab.local/pulumi:lab"}]}}
    for kind in ("", "/ephemeralcontainers", "/resize"):
        answer = api.attempt("PATCH", f"{pod_path(runner)}{kind}{DRY}", change, REGISTRAR)
        assert answer.status_code == 403, answer.text
        assert REGISTRAR in answer.text


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        ({"annotations": {contract.BUSY_ANNOTATION: "7"}}, f"metadata.annotations.{contract.BUSY_ANNOTATION}"),
        (
            {"annotations": {contract.RUNNER_ID_ANNOTATION: None}},
            f"metadata.annotations.{contract.RUNNER_ID_ANNOTATION}",
        ),
        ({"annotations": {contract.DELETION_COST_ANNOTATION: "-9"}}, "pod-deletion-cost"),
        ({"annotations": {"cdi.k8s.io/a": "nvidia.com/gpu=all"}}, "metadata.annotations.cdi.k8s.io/a"),
        ({"labels": {"app": "x"}}, "metadata.labels: found a change"),
        ({"labels": {contract.POOL_LABEL: "other"}}, "metadata.labels: found a change"),
        ({"finalizers": ["a.b/c"]}, "metadata.finalizers: found a.b/c"),
        (
            {"ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "u"}]},
            "metadata.ownerReferences[j]: found Job",
        ),
    ],
)
def test_nobody_writes_what_controllers_and_the_registrar_read_of_a_pod(
    api: KubernetesApi, runner: RunnerPod, metadata: Json, found: str
) -> None:
    answer = api.attempt("PATCH", pod_path(runner) + DRY, {"metadata": metadata})
    assert answer.status_code == 422, answer.text
    assert REFUSED in answer.text
    assert found in answer.text


def test_networks_may_write_their_own_annotations_on_a_pod(api: KubernetesApi, runner: RunnerPod) -> None:
    change = {"metadata": {"annotations": {"vpc.example.com/address": "10.0.0.1"}}}
    answer = api.attempt("PATCH", pod_path(runner) + DRY, change)
    assert answer.status_code == 200, answer.text


def test_the_registrar_writes_what_it_must_through_the_status(api: KubernetesApi, runner: RunnerPod) -> None:
    annotations = {contract.RUNNER_ID_ANNOTATION: "7", contract.BUSY_ANNOTATION: "8"}
    change = {"metadata": {"annotations": {**annotations, contract.DELETION_COST_ANNOTATION: "1000"}}}
    answer = api.attempt("PATCH", f"{pod_path(runner)}/status{DRY}", change, REGISTRAR)
    assert answer.status_code == 200, answer.text


def test_the_registrars_patch_of_a_status_never_touches_the_spec(api: KubernetesApi, runner: RunnerPod) -> None:
    before = api.get(pod_path(runner))
    change = {
        "metadata": {"annotations": {"tried": "true"}},
        "spec": {"hostNetwork": True, "activeDeadlineSeconds": 1, "containers": [{"name": "x", "image": "y"}]},
    }
    answer = api.attempt("PATCH", f"{pod_path(runner)}/status{DRY}", change, REGISTRAR)
    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert after["metadata"]["annotations"]["tried"] == "true"
    assert after["spec"] == before["spec"]


def test_the_registrar_cannot_make_a_pod_or_loosen_the_policy(api: KubernetesApi, deployment: Json) -> None:
    template = deployment["spec"]["template"]
    pod = {**template, "metadata": {**template["metadata"], "name": "admission"}}
    group = "/apis/admissionregistration.k8s.io/v1"
    attempts: tuple[tuple[str, str, Json], ...] = (
        ("POST", f"/api/v1/namespaces/{NAMESPACE}/pods", pod),
        ("DELETE", f"{group}/validatingadmissionpolicybindings/{NAMESPACE}-runner-pods", {}),
        (
            "PATCH",
            f"{group}/validatingadmissionpolicies/{NAMESPACE}-runner-pods",
            {"spec": {"failurePolicy": "Ignore"}},
        ),
    )
    for method, path, body in attempts:
        assert api.attempt(method, path + DRY, body, REGISTRAR).status_code == 403


def test_no_expression_of_the_policy_is_doubted_by_the_api_server(api: KubernetesApi) -> None:
    path = f"/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/{NAMESPACE}-runner-pods"
    status: Json = until("the policy was type-checked", lambda: api.get(path).get("status"), 120)
    assert status["observedGeneration"] >= 1
    assert status["typeChecking"].get("expressionWarnings", []) == []
