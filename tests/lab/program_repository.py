"""This repository at the lab's forge, with a `dev` stack of the tests' own: what people and strangers do there."""

import base64
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import yaml

from lab import git, gitea, paths
from lab.gitea_api import GiteaApi

Json = dict[str, Any]
STACK_FILE = "Pulumi.dev.yaml"


class ProgramRepository:
    """A repository that exists at the forge. Every method raises LabError when the forge refuses.

    kept are files, by their paths, that each commit has beside this checkout's.
    """

    def __init__(self, api: GiteaApi, name: str, kept: Mapping[str, str] | None = None) -> None:
        self.name, self._api, self._path, self._kept = name, api, f"/repos/{name}", dict(kept or {})

    def set_up(self, secrets: Mapping[str, str], variables: Mapping[str, str]) -> None:
        """What the workflows are given."""
        for name, value in secrets.items():
            self._api.put(f"{self._path}/actions/secrets/{name}", {"data": value})
        for name, value in variables.items():
            self._api.post(f"{self._path}/actions/variables/{name}", {"value": value})

    def push(self, branch: str, config: Json, message: str, files: Mapping[str, str] | None = None) -> None:
        """The last commit of this checkout, with another config of the stack and other files."""
        login = git.login(gitea.ADMIN, gitea.token())
        url = f"{gitea.URL}/{self.name}.git"
        with tempfile.TemporaryDirectory(prefix="program-") as name:
            folder = Path(name)
            git.run(folder, "init", "--quiet")
            git.run(folder, "fetch", "--quiet", "--depth", "1", url, "main", environment=login)
            git.run(folder, "checkout", "--quiet", "--detach", "FETCH_HEAD")
            put_last_commit(folder)
            (folder / STACK_FILE).write_text(yaml.safe_dump({"config": config}))
            for path, text in {**self._kept, **(files or {})}.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text)
            git.run(folder, "add", "--all")
            git.run(folder, "commit", "--quiet", "--message", message, environment=login)
            git.run(folder, "push", "--quiet", "--force", url, f"HEAD:refs/heads/{branch}", environment=login)

    def open_pull_request(self, branch: str, title: str, *, user: str = gitea.ADMIN) -> int:
        """From a branch, or from `owner:branch` of a fork; returns its number."""
        body = {"title": title, "head": branch, "base": "main"}
        return int(self._api.post(f"{self._path}/pulls?sudo={user}", body).json()["number"])

    def comments(self, number: int) -> list[Json]:
        """What was said under a pull request."""
        comments: list[Json] = self._api.get(f"{self._path}/issues/{number}/comments")
        return comments

    def issues(self) -> list[tuple[int, str, str]]:
        """Number, state and text of every issue, pull requests left out."""
        issues = self._api.get(f"{self._path}/issues", state="all", type="issues")
        return [(int(issue["number"]), str(issue["state"]), str(issue["body"])) for issue in issues]

    def dispatch(self, workflow: str) -> None:
        """Starts a workflow of the main branch by hand."""
        self._api.post(f"{self._path}/actions/workflows/{workflow}/dispatches", {"ref": "main"})

    def runs(self, workflow: str, ref: str) -> list[Json]:
        """The runs of a workflow on a branch, e.g. `heads/main` or `pull/1/head`, newest first."""
        return [run for run in self._runs(workflow) if run["path"] == f"{workflow}@refs/{ref}"]

    def judgements(self, workflow: str) -> list[Json]:
        """The runs of a workflow of main on pull requests, newest first."""
        return [run for run in self._runs(workflow) if run["event"] == "pull_request_target"]

    def _runs(self, workflow: str) -> list[Json]:
        runs = self._api.get(f"{self._path}/actions/runs", limit=50)["workflow_runs"]
        return sorted((run for run in runs if run["path"].startswith(f"{workflow}@")), key=lambda run: -int(run["id"]))

    def jobs(self, run: int) -> list[Json]:
        """The jobs of a run."""
        jobs: list[Json] = self._api.get(f"{self._path}/actions/runs/{run}/jobs")["jobs"]
        return jobs

    def log(self, job: int) -> str:
        """What a job has printed."""
        return self._api.text(f"{self._path}/actions/jobs/{job}/logs")

    def approve(self, run: int) -> None:
        """Lets a stranger's run go, as a maintainer does on its page: Gitea has no API for it."""
        access = json.loads(gitea.ACCESS.read_text())
        with httpx2.Client(base_url=gitea.URL, trust_env=False) as page:
            page.post("/user/login", data={"user_name": access["user"], "password": access["password"]})
            page.post(f"/{self.name}/actions/runs/{run}/approve").raise_for_status()

    @contextmanager
    def forked_by(self, user: str, files: Mapping[str, str]) -> Iterator[str]:
        """The branch, for a pull request, of a stranger's fork that adds files. Stranger and fork go with the block."""
        self._api.delete(f"/admin/users/{user}?purge=true")
        mail = f"{user}@lab.invalid"
        self._api.post(
            "/admin/users", {"username": user, "email": mail, "password": "Stranger-1", "must_change_password": False}
        )
        fork = f"{user}/{self.name.split('/')[1]}"
        try:
            self._api.post(f"{self._path}/forks?sudo={user}", {})
            operations = [
                {"operation": "create", "path": path, "content": base64.b64encode(text.encode()).decode()}
                for path, text in files.items()
            ]
            change = {"branch": "main", "new_branch": "change", "message": "A change", "files": operations}
            self._api.post(f"/repos/{fork}/contents?sudo={user}", change)
            yield f"{user}:change"
        finally:
            self._api.delete(f"/admin/users/{user}?purge=true")


def put_last_commit(folder: Path) -> None:
    """The last commit of this checkout, which is what the lab serves, in place of what is in the folder."""
    for entry in folder.iterdir():
        if entry.name != ".git":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    archive = folder / ".git/archive.tar"
    git.run(paths.REPOSITORY, "archive", "--output", str(archive), "HEAD")
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
