"""The lab's stand-in for GitHub as a test sees it: one repository, its workflow, its runs and what clients asked."""

import json
from pathlib import Path
from typing import Any

import httpx2
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.github import daemon
from lab.github.server import Exchange
from lab.trial.pools import gpus, pool, pools_config
from values.contract import GITHUB_ORGANIZATION_PERMISSIONS, GITHUB_REPOSITORY_PERMISSIONS

TIMEOUT_SECONDS = 15.0
REPOSITORY = "mlops/github-tests"
TOKEN = "ghp_lab_tests"
INSTALLATION = 7

Json = dict[str, Any]


class GithubRepository:
    """Every method raises AssertionError when the stand-in refuses."""

    def __init__(self) -> None:
        self._http = httpx2.Client(
            base_url=daemon.URL, timeout=TIMEOUT_SECONDS, trust_env=False, follow_redirects=True,
            headers={"Authorization": f"Bearer {TOKEN}"},
        )  # fmt: skip
        self._call("PUT", f"/_lab/tokens/{TOKEN}", {})
        self.id = int(self._call("PUT", f"/_lab/repositories/{REPOSITORY}", {}).json()["id"])

    def close(self) -> None:
        """Gives the connections back."""
        self._http.close()

    def install_app(self, key: rsa.RSAPublicKey, *more: str) -> None:
        """Installs a GitHub App, number 1, in the organization, with what a registrar may need and these besides."""
        pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        permissions = {
            **GITHUB_REPOSITORY_PERMISSIONS,
            **GITHUB_ORGANIZATION_PERMISSIONS,
            **dict.fromkeys(more, "write"),
        }
        owner, _ = REPOSITORY.split("/")
        installation = {"id": INSTALLATION, "organization": owner, "permissions": permissions}
        app: Json = {"id": 1, "client_id": "Iv23lab", "slug": "gpu-runners", "public_key": pem}
        app["installations"] = [installation]
        self._call("PUT", "/_lab/app", app)

    def set_secret(self, name: str, value: str) -> None:
        """A secret that jobs get."""
        self._call("PUT", f"/_lab/repositories/{REPOSITORY}/secrets/{name}", {"value": value})

    def dispatch(self, text: str) -> int:
        """Starts a run of a workflow; returns its number."""
        answer = self._http.put(f"/_lab/repositories/{REPOSITORY}/workflows/test.yml", content=text)
        assert answer.is_success, answer.text
        body = {"ref": "main", "return_run_details": True}
        return int(self._api("POST", "actions/workflows/test.yml/dispatches", body)["workflow_run_id"])

    def jit_configuration(self, name: str, *labels: str) -> str:
        """Registers a single-use runner; returns what it is started with."""
        body = {"name": name, "runner_group_id": 1, "labels": list(labels)}
        return str(self._api("POST", "actions/runners/generate-jitconfig", body)["encoded_jit_config"])

    def jobs(self, run: int) -> dict[str, Json]:
        """The jobs of a run by name."""
        return {job["name"]: job for job in self._api("GET", f"actions/runs/{run}/jobs")["jobs"]}

    def log(self, job: int) -> str:
        """What a job has printed so far."""
        return self._call("GET", f"/api/v3/repos/{REPOSITORY}/actions/jobs/{job}/logs").text

    def runners(self) -> dict[str, Json]:
        """The registered runners by name."""
        return {runner["name"]: runner for runner in self._api("GET", "actions/runners?per_page=100")["runners"]}

    def organization(self, path: str) -> Json:
        """What the API answers below the repository's organization."""
        owner, _ = REPOSITORY.split("/")
        document: Json = self._call("GET", f"/api/v3/orgs/{owner}/{path}").json()
        return document

    def read(self, path: str) -> Json:
        """What the API answers below the repository."""
        document: Json = self._api("GET", path)
        return document

    def _api(self, method: str, path: str, body: Json | None = None) -> Any:
        return self._call(method, f"/api/v3/repos/{REPOSITORY}/{path}", body).json()

    def _call(self, method: str, path: str, body: Json | None = None) -> httpx2.Response:
        answer = self._http.request(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        return answer


class Exchanges:
    """What was asked and answered below /api/v3 since this was made."""

    def __init__(self, file: Path = daemon.RECORD) -> None:
        self._file, self._start = file, file.stat().st_size

    def all(self) -> list[Exchange]:
        """In the order in which they were answered."""
        with self._file.open() as lines:
            lines.seek(self._start)
            return [Exchange(**json.loads(line)) for line in lines]


def platform_config(namespace: str, path: str) -> Json:
    """A stack of a platform and its only pool `cuda`, in a namespace of its own; path is the scope at GitHub."""
    return {
        **pools_config(pool("cuda", labels=["cml-gpu"], gpu=gpus(1), namespace=namespace)),
        "gpu-runners:forge": "github",
        "gpu-runners:namespace": namespace,
        "gpu-runners:runnerImage": "lab.local/github-runner:lab",
        "gpu-runners:platform": {
            "scope": f"{daemon.URL}/{path}",
            "registrar": {"namespace": f"{namespace}-system", "image": "lab.local/registrar:lab"},
            "environments": [
                {
                    "namespace": namespace,
                    "quota": {"gpus": 2},
                    "images": ["lab.local/"],
                    "egress": [{"cidr": "10.85.0.1/32", "ports": [daemon.PORT]}],
                }
            ],
        },
    }
