"""The lab's Gitea as a test sees it: one repository, its runs and jobs, its runners."""

import base64
import uuid
from dataclasses import dataclass
from typing import Any

import httpx2

TIMEOUT_SECONDS = 15.0

Json = dict[str, Any]


@dataclass(frozen=True)
class Runner:
    """A registered runner."""

    id: int
    name: str
    online: bool
    labels: frozenset[str]


class Repository:
    """A repository that the tests own. Every method raises AssertionError when the forge refuses."""

    def __init__(self, url: str, token: str, name: str) -> None:
        self.name = name
        headers = {"Authorization": f"token {token}"}
        self._http = httpx2.Client(base_url=f"{url}/api/v1", headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False)

    def close(self) -> None:
        """Gives the connections back."""
        self._http.close()

    def make_anew(self) -> None:
        """Makes it, empty but for a README; one that is there goes first, with its runs and runners."""
        owner, name = self.name.split("/")
        self.drop()
        self._call("POST", f"/orgs/{owner}/repos", {"name": name, "auto_init": True, "default_branch": "main"})

    def drop(self) -> None:
        """Deletes it where it exists."""
        self._call("DELETE", f"/repos/{self.name}", allowed=(404,))

    def push_workflow(self, text: str) -> str:
        """Pushes a branch of its own with one workflow; returns the commit."""
        branch = f"test-{uuid.uuid4().hex[:12]}"
        body = {
            "branch": "main",
            "new_branch": branch,
            "message": "A workflow",
            "content": base64.b64encode(text.encode()).decode(),
        }
        made = self._call("POST", f"/repos/{self.name}/contents/.github/workflows/{branch}.yml", body).json()
        return str(made["commit"]["sha"])

    def run_of(self, commit: str) -> Json | None:
        """The run that a commit started, if the forge has made it yet."""
        runs: list[Json] = self._get("actions/runs", head_sha=commit)["workflow_runs"]
        return runs[0] if runs else None

    def run(self, number: int) -> Json:
        """A run by its id."""
        found: Json = self._get(f"actions/runs/{number}")
        return found

    def jobs(self, run: int) -> list[Json]:
        """All jobs of a run."""
        jobs: list[Json] = []
        page = 1
        while True:
            answer = self._get(f"actions/runs/{run}/jobs", page=page, limit=50)
            jobs += answer["jobs"]
            if len(jobs) >= answer["total_count"] or not answer["jobs"]:
                return jobs
            page += 1

    def log(self, job: int) -> str:
        """The log of a job so far; empty before it has begun."""
        answer = self._call("GET", f"/repos/{self.name}/actions/jobs/{job}/logs", allowed=(404, 500))
        return answer.text if answer.is_success else ""

    def runners(self) -> list[Runner]:
        """The runners registered for the repository itself."""
        found = self._get("actions/runners", limit=50)["runners"] or []
        return [
            Runner(
                int(item["id"]), item["name"], item["status"] == "online",
                frozenset(label["name"] for label in item.get("labels") or ()),
            )
            for item in found
        ]  # fmt: skip

    def _get(self, path: str, **parameters: str | int) -> Any:
        return self._call("GET", f"/repos/{self.name}/{path}", parameters=parameters).json()

    def _call(
        self, method: str, path: str, body: Json | None = None, *, parameters: Any = None, allowed: tuple[int, ...] = ()
    ) -> httpx2.Response:
        answer = self._http.request(method, path, json=body, params=parameters)
        refused = f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        assert answer.is_success or answer.status_code in allowed, refused
        return answer
