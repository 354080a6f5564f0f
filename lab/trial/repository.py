"""A repository of a trial's own at the lab's Gitea: its runs and jobs, its runners."""

import base64
import uuid
from dataclasses import dataclass
from typing import Any, Protocol

from lab.gitea_api import GiteaApi

Json = dict[str, Any]


@dataclass(frozen=True)
class Runner:
    """A registered runner."""

    id: int
    name: str
    online: bool
    labels: frozenset[str]


class Registrations(Protocol):
    """The runners of a repository at either forge."""

    def runners(self) -> list[Runner]:
        """Those registered for the repository itself."""


class Repository:
    """Every method raises LabError when the forge refuses."""

    def __init__(self, url: str, token: str, name: str) -> None:
        self.name, self._path = name, f"/repos/{name}"
        self._api = GiteaApi(url, token)

    def close(self) -> None:
        """Gives the connections back."""
        self._api.close()

    def make_anew(self) -> None:
        """Makes it, empty but for a README; one that is there goes first, with its runs and runners."""
        owner, name = self.name.split("/")
        self.drop()
        self._api.post(f"/orgs/{owner}/repos", {"name": name, "auto_init": True, "default_branch": "main"})

    def drop(self) -> None:
        """Deletes it where it exists."""
        self._api.delete(self._path)

    def push_workflow(self, text: str) -> str:
        """Pushes a branch of its own with one workflow; returns the commit."""
        branch = f"test-{uuid.uuid4().hex[:12]}"
        body = {
            "branch": "main",
            "new_branch": branch,
            "message": "A workflow",
            "content": base64.b64encode(text.encode()).decode(),
        }
        pushed = self._api.post(f"{self._path}/contents/.github/workflows/{branch}.yml", body).json()
        return str(pushed["commit"]["sha"])

    def run_of(self, commit: str) -> Json | None:
        """The run that a commit started, if the forge has made it yet."""
        runs: list[Json] = self._get("actions/runs", head_sha=commit)["workflow_runs"]
        return runs[0] if runs else None

    def run(self, number: int) -> Json:
        """A run by its id."""
        run: Json = self._get(f"actions/runs/{number}")
        return run

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

    def statuses(self, commit: str) -> list[Json]:
        """What is said beside a commit, the newest first."""
        statuses: list[Json] = self._get(f"commits/{commit}/statuses", limit=50) or []
        return statuses

    def log(self, job: int) -> str:
        """The log of a job so far; empty before it has begun."""
        return self._api.text(f"{self._path}/actions/jobs/{job}/logs")

    def runners(self) -> list[Runner]:
        """The runners registered for the repository itself."""
        entries = self._get("actions/runners", limit=50)["runners"] or []
        return [
            Runner(
                int(entry["id"]), entry["name"], entry["status"] == "online",
                frozenset(label["name"] for label in entry.get("labels") or ()),
            )
            for entry in entries
        ]  # fmt: skip

    def remove_runner(self, number: int) -> None:
        """Deletes the registration of a runner by its id; one that is not there is fine."""
        self._api.delete(f"{self._path}/actions/runners/{number}")

    def disable_runner(self, number: int) -> None:
        """Cordons a runner by its id, as somebody does on the forge's page."""
        self._api.patch(f"{self._path}/actions/runners/{number}", {"disabled": True})

    def _get(self, path: str, **parameters: str | int) -> Any:
        return self._api.get(f"{self._path}/{path}", **parameters)
