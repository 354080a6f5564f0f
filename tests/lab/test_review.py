"""Drift of every kind is made by hand on the real cluster and at the forge, found with who made it, and repaired."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpu_runners.exit_code import ExitCode
from lab.errors import LabError
from lab.trial.deadline import until
from lab.trial.kubernetes import KubernetesApi
from lab.trial.pools import gpus, pool, pools_config
from lab.trial.repository import Repository, Runner
from lab.trial.stack import Stack
from tests.lab.conftest import MakeStack, stack_file
from tests.lab.reviews import Reviews
from tests.lab.stranger import register_by_hand, rename_labels

SPACE = "gpu-runners-reviewed"
POOL = f"/apis/apps/v1/namespaces/{SPACE}/deployments/reviewed"
BINDINGS = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{SPACE}/rolebindings"
BASE = f"{SPACE}-base"
ADMISSION = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
POLICIES = tuple(f"{SPACE}-{suffix}" for suffix in ("runner-pods", "runner-pools", "runner-metadata"))
TEMPLATE = "spec.template.spec"


@pytest.fixture(scope="module")
def forge(make_repository: Callable[[str], Repository]) -> Repository:
    return make_repository("mlops/reviewed")


@pytest.fixture(scope="module")
def reviewed_platform(make_stack: MakeStack, forge: Repository) -> Stack:
    stack = make_stack("reviewed-platform", stack_file("review.yaml"))
    stack.up().succeeded()
    return stack


@pytest.fixture(scope="module")
def reviewed(make_stack: MakeStack, reviewed_platform: Stack) -> Stack:
    config = pools_config(pool("reviewed", gpu=gpus(1))) | {"gpu-runners:namespace": SPACE}
    stack = make_stack("reviewed", config)
    stack.up().succeeded()
    return stack


def edit(
    api: KubernetesApi, path: str, body: Mapping[str, Any], *, manager: str, kind: str = "strategic-merge"
) -> None:
    api.patch(f"{path}?fieldManager={manager}", dict(body), kind=kind)


def make_drift_of_the_pool(api: KubernetesApi) -> None:
    """What people do with kubectl in a bad hour: the admission policies would refuse most of it, so they go first."""
    for policy in POLICIES:
        api.delete(f"{ADMISSION}/{policy}")
    tolerations = api.get(POOL)["spec"]["template"]["spec"]["tolerations"]
    pod = {
        "hostNetwork": True,
        "volumes": [{"name": "root", "hostPath": {"path": "/"}}],
        "containers": [
            {"name": "runner", "env": [{"name": "EXTRA", "value": "planted-Zq81xv"}]},
            {"name": "sidecar", "image": "lab.local/pause:lab"},
        ],
        "tolerations": [*tolerations, {"key": "spot", "operator": "Exists"}],
    }
    change = {"metadata": {"labels": {"team": "x"}}, "spec": {"template": {"spec": pod}}}
    until("the admission policy is forgotten", lambda: admitted(api, change), 30)
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    subject = {"kind": "ServiceAccount", "name": "runner", "namespace": SPACE}
    # What a tool made stays: it may be the tool's to manage.
    api.create(
        f"{BINDINGS}?fieldManager=kubectl-create",
        {"metadata": {"name": "stranger"}, "roleRef": role, "subjects": [subject]},
    )


def admitted(api: KubernetesApi, change: Mapping[str, Any]) -> bool:
    try:
        edit(api, POOL, change, manager="mallory")
    except LabError:
        return False
    return True


def found_in(report: Mapping[str, Any]) -> dict[str, str]:
    """Field, or object where there is none → who."""
    return {finding["field"] or finding["what"]: finding["who"] for finding in report["drift"]}


def test_a_stack_that_was_just_brought_up_is_clean(reviewed: Stack) -> None:
    code, report = Reviews(reviewed).report()
    assert code == 0, report


def test_a_stack_that_is_still_to_be_made_is_previewed_and_the_backend_does_not_learn_of_it(
    reviewed: Stack, tmp_path: Path
) -> None:
    new = replace(reviewed, name="reviewed-later", folder=tmp_path)
    new.configure(pools_config(pool("later", gpu=gpus(1))) | {"gpu-runners:namespace": SPACE})
    code, report = Reviews(new).report(look="")
    assert code == ExitCode.FOUND
    assert report["verdict"] == "📝 reviewed-later: 1 to create"  # the pool; what `up` waits on is none
    assert report["unread"] == []
    assert "The state backend has no such stack yet" in report["notes"][0]
    assert "no stack named" in new.outputs().output


def test_the_previewers_identity_sees_everything_but_secrets(
    reviewed: Stack, api: KubernetesApi, tmp_path: Path
) -> None:
    account = f"/api/v1/namespaces/{BASE}/serviceaccounts/previewer/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    token = api.create(account, request)["status"]["token"]
    kubeconfig = yaml.safe_load(Path(reviewed.environment["KUBECONFIG"]).read_text())
    kubeconfig["users"][0]["user"] = {"token": token}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    mine = {**reviewed.environment, "KUBECONFIG": str(tmp_path / "kubeconfig")}
    previewer = Reviews(replace(reviewed, environment={**mine, "FORGE_TOKEN": ""}))
    code, report = previewer.report()
    assert code == 0, report
    # Kinds that it may not read and that this stack does not declare.
    assert {"secrets", "clusterrolebindings", "mutatingwebhookconfigurations"} <= set(report["left_out"])
    assert len(report["left_out"]) == len(set(report["left_out"]))
    assert "not looked at" in report["verdict"]


def test_what_others_added_is_found_with_who_did_it_and_repaired_once_somebody_agrees(
    reviewed: Stack, api: KubernetesApi, forge: Repository
) -> None:
    make_drift_of_the_pool(api)
    register_by_hand(reviewed.environment, forge.name, "stranger", ["reviewed"])
    Reviews(reviewed).until_told("stranger")
    code, report = Reviews(reviewed).report()
    assert code == ExitCode.FOUND
    assert found_in(report) == {
        "metadata.labels.team": "mallory",
        f"{TEMPLATE}.hostNetwork": "mallory",
        f"{TEMPLATE}.tolerations": "mallory",
        f"{TEMPLATE}.volumes[root]": "mallory",
        f"{TEMPLATE}.containers[sidecar]": "mallory",
        f"{TEMPLATE}.containers[runner].env[EXTRA]": "mallory",
        f"RoleBinding {SPACE}/stranger": report_manager(report),
        f"Runner stranger in {forge.name}": "unknown: the forge does not tell",
    }
    assert "planted-Zq81xv" not in json.dumps(report)
    asked = Reviews(reviewed).repair("")
    assert asked.returncode == ExitCode.FOUND
    assert "take out " in asked.stdout
    assert api.get(POOL)["metadata"]["labels"]["team"] == "x"
    repaired = Reviews(reviewed).repair()
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    assert "team" not in api.get(POOL)["metadata"]["labels"]
    reviewed.preview().succeeded()
    assert "stranger" not in {runner.name for runner in forge.runners()}


def report_manager(report: Mapping[str, Any]) -> str:
    """Whoever this test's HTTP client is for the API server."""
    return next(str(finding["who"]) for finding in report["drift"] if finding["kind"] == "not declared")


def test_what_somebody_changed_of_a_platform_is_put_back_by_the_repair(
    reviewed_platform: Stack, api: KubernetesApi
) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    edit(api, f"/api/v1/namespaces/{SPACE}", {"metadata": {"labels": labels}}, manager="mallory")
    api.delete(f"/api/v1/namespaces/{SPACE}/resourcequotas/gpus")
    code, report = Reviews(reviewed_platform).report()
    assert code == ExitCode.FOUND
    assert {finding["what"]: finding["kind"] for finding in report["drift"]} == {
        f"Namespace {SPACE}": "changed",
        f"ResourceQuota {SPACE}/gpus": "deleted",
        **{f"ValidatingAdmissionPolicyBinding {policy}": "deleted" for policy in POLICIES},  # by the test before
    }
    repaired = Reviews(reviewed_platform).repair()
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    enforced = api.get(f"/api/v1/namespaces/{SPACE}")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    assert enforced == "restricted"


def settled(api: KubernetesApi, forge: Repository) -> Runner | None:
    """The one runner of the one pod, once no other is left of either."""
    pods = [pod["metadata"] for pod in api.items(f"/api/v1/namespaces/{SPACE}/pods")]
    runners = forge.runners()
    is_one = [pod["name"] for pod in pods] == [runner.name for runner in runners] and len(pods) == 1
    ready = api.get(POOL)["status"].get("readyReplicas") == 1
    return runners[0] if is_one and ready and "deletionTimestamp" not in pods[0] else None


def test_a_label_changed_at_the_forge_is_drift_and_the_pod_is_replaced(
    reviewed: Stack, forge: Repository, api: KubernetesApi
) -> None:
    runner = until("the repaired pool's one runner is the forge's one", lambda: settled(api, forge), 60)
    rename_labels(reviewed.environment, SPACE, runner.name, ["release"])
    Reviews(reviewed).until_told(runner.name)
    (found,) = Reviews(reviewed).report()[1]["drift"]
    assert found["what"] == f"Runner {runner.name} of pod {SPACE}/{runner.name}"
    assert found["live"] == "labels are 'release', declared 'reviewed'"
    repaired = Reviews(reviewed).repair()
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr


def test_a_registrar_that_is_away_makes_the_review_unknown(
    reviewed: Stack, reviewed_platform: Stack, api: KubernetesApi
) -> None:
    place = "/apis/apps/v1/namespaces/gpu-runners-reviewed-system/deployments/registrar"
    edit(api, place, {"spec": {"replicas": 0}}, manager="mallory", kind="merge")

    def unknown() -> tuple[int, dict[str, Any]] | None:
        code, report = Reviews(reviewed).report()
        return (code, report) if report["unread"] else None

    code, report = until("the review is unknown", unknown, 30)
    assert code == ExitCode.FAILED
    assert "unknown" in report["verdict"]
    edit(api, place, {"spec": {"replicas": 1}}, manager="mallory", kind="merge")
