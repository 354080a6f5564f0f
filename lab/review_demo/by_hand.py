"""What people do by hand in a bad hour: five kinds of drift, none of which leaves a trace in the program."""

import json
import subprocess
from collections.abc import Mapping

import httpx2

from lab.errors import LabError
from lab.review_demo.scene import NAMESPACE, REPOSITORY

TIMEOUT_SECONDS = 30


def make_drift(environment: Mapping[str, str]) -> list[str]:
    """Makes it; returns what was done, one line each. Raises LabError."""
    toleration = {
        "op": "add",
        "path": "/spec/template/spec/tolerations/-",
        "value": {"key": "spot", "operator": "Exists"},
    }
    in_namespace = ("-n", NAMESPACE)
    _kubectl(environment, "patch", "deployment", "cuda", *in_namespace, "--type=json", "-p", json.dumps([toleration]))
    enforce = "pod-security.kubernetes.io/enforce=privileged"
    _kubectl(environment, "label", "namespace", NAMESPACE, enforce, "--overwrite")
    _kubectl(environment, "delete", "resourcequota", "gpus", *in_namespace)
    account = f"--serviceaccount={NAMESPACE}:runner"
    _kubectl(environment, "create", "rolebinding", "quick-fix", *in_namespace, "--clusterrole=view", account)
    _register(environment, "my-laptop")
    return [
        "kubectl patch: a toleration added to the pool cuda",
        f"kubectl label: the namespace enforces `privileged` ({enforce})",
        "kubectl delete: the quota is gone",
        "kubectl create: a RoleBinding for jobs",
        "a runner registered by hand at the forge",
    ]


def _kubectl(environment: Mapping[str, str], *arguments: str) -> None:
    done = subprocess.run(
        ["kubectl", *arguments], env=dict(environment), capture_output=True, text=True, check=False,
        timeout=TIMEOUT_SECONDS,
    )  # fmt: skip
    if done.returncode != 0:
        raise LabError(f"kubectl {arguments[0]}: {done.stderr.strip()}")


def _register(environment: Mapping[str, str], name: str) -> None:
    headers = {"Authorization": f"token {environment['FORGE_TOKEN']}"}
    with httpx2.Client(base_url=environment["FORGE_URL"], trust_env=False) as http:
        path = f"/api/v1/repos/{REPOSITORY}/actions/runners/registration-token"
        token = http.post(path, headers=headers).raise_for_status().json()["token"]
        body = {"name": name, "token": token, "version": "1", "labels": ["cml-gpu:host"], "ephemeral": False}
        http.post("/api/actions/runner.v1.RunnerService/Register", json=body).raise_for_status()
