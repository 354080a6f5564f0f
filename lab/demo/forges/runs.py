"""Runs, jobs and logs of one repository, as GitHub's REST has them and Gitea's as well. Reads only."""

from dataclasses import dataclass
from typing import Any, Protocol

from lab.demo.snapshot import Job, job


@dataclass(frozen=True)
class Unfinished:
    """A run that waits or runs, and where people see it."""

    id: int
    page: str


class Reader(Protocol):
    """A client of a forge; raises LabError where it refuses."""

    def get(self, path: str, **parameters: str | int) -> Any:
        """The JSON at a path."""

    def text(self, path: str) -> str:
        """The text at a path, empty where there is none yet."""


class Runs:
    """The runs of `repository` (owner/name)."""

    def __init__(self, reader: Reader, repository: str) -> None:
        self._reader, self._actions = reader, f"/repos/{repository}/actions"

    def newest(self, **filters: str | int) -> list[dict[str, Any]]:
        """What the forge says of its runs, newest first."""
        workflow_runs: list[dict[str, Any]] = self._reader.get(f"{self._actions}/runs", **filters)["workflow_runs"]
        return workflow_runs

    def unfinished(self) -> list[Unfinished]:
        """The runs that wait or run, newest first."""
        runs = (run for run in self.newest() if run["status"] != "completed")
        return [Unfinished(int(run["id"]), str(run["html_url"])) for run in runs]

    def page(self, run: int) -> str:
        """Where people see a run."""
        return str(self._reader.get(f"{self._actions}/runs/{run}")["html_url"])

    def state(self, run: int) -> tuple[str, str]:
        """Its status and its conclusion, which is empty until it has one."""
        answer = self._reader.get(f"{self._actions}/runs/{run}")
        return str(answer["status"]), str(answer.get("conclusion") or "")

    def jobs(self, run: int) -> list[Job]:
        """Its jobs so far."""
        return [job(entry) for entry in self._reader.get(f"{self._actions}/runs/{run}/jobs")["jobs"]]

    def log(self, job: Job) -> str:
        """What a job has printed so far; empty before it has started."""
        return self._reader.text(f"{self._actions}/jobs/{job.id}/logs") if job.has_started else ""
