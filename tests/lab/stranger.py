"""What somebody can do at the forge by hand: register a runner of their own, rename the labels of another."""

import json
import subprocess
from collections.abc import Mapping, Sequence

import httpx2


def register_by_hand(environment: Mapping[str, str], repository: str, name: str, labels: Sequence[str]) -> None:
    """Registers a lasting runner that never comes online. Raises httpx2.HTTPStatusError when the forge refuses."""
    headers = {"Authorization": f"token {environment['FORGE_TOKEN']}"}
    with httpx2.Client(base_url=environment["FORGE_URL"], trust_env=False) as http:
        path = f"/api/v1/repos/{repository}/actions/runners/registration-token"
        token = http.post(path, headers=headers).raise_for_status().json()["token"]
        runner = {"name": name, "token": token, "version": "x", "labels": [f"{label}:host" for label in labels]}
        http.post("/api/actions/runner.v1.RunnerService/Register", json=runner).raise_for_status()


def rename_labels(environment: Mapping[str, str], namespace: str, pod: str, labels: Sequence[str]) -> None:
    """Declares other labels with a runner's own credential, as job code could."""
    read = ["kubectl", "exec", "-n", namespace, pod, "-c", "runner", "--", "cat", "/registration/.runner"]
    done = subprocess.run(read, env=dict(environment), capture_output=True, text=True, check=True, timeout=20)
    runner = json.loads(done.stdout)
    headers = {"x-runner-uuid": runner["uuid"], "x-runner-token": runner["token"]}
    body = {"version": "x", "labels": [f"{label}:host" for label in labels]}
    with httpx2.Client(base_url=environment["FORGE_URL"], trust_env=False) as http:
        http.post("/api/actions/runner.v1.RunnerService/Declare", json=body, headers=headers).raise_for_status()
