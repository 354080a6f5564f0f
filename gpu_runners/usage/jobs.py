"""The jobs of a repository's last weeks, from GitHub or Gitea, as they come page by page."""

import os
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, Self
from urllib.parse import urlsplit

from access.forge_errors import ForgeRefusedError, ForgeStatusError, ForgeUnreachableError
from access.gitea.client import API as GITEA_API
from access.gitea.client import GiteaClient
from access.github.client import GitHubClient
from gpu_runners.errors import CommandFailedError
from gpu_runners.usage.records import Json, moment, text
from values.scope import GITHUB, ForgeScope, Scope

MOST_PAGES: Final = 400
MOST_REPOSITORIES: Final = 200
_GITEA_PAGE: Final = 50
_GITHUB_PAGE: Final = 100
# Gitea lists jobs by when they were made: one that ended in a week may have been made so long before it.
_LONGEST_JOB: Final = timedelta(days=7)
Found = tuple[str, Json]  # workflow, job


class JobSource(Protocol):
    """A forge, and a token that may read its Actions. Everything raises CommandFailedError."""

    def repositories(self, owner: str) -> list[Scope]:
        """An owner's."""

    def jobs(self, repository: Scope, since: datetime) -> Iterator[Found]:
        """The jobs that have ended since then, and maybe some that ended before."""


class Jobs:
    """The forge that the environment names, as a workflow's or as the lab's does."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        server = environment.get("FORGE_URL", "").rstrip("/")
        api = environment.get("GITHUB_API_URL", "").rstrip("/") or (f"{server}{GITEA_API}" if server else "")
        token = environment.get("GITHUB_TOKEN") or environment.get("FORGE_TOKEN", "")
        if not api or not token:
            raise CommandFailedError(
                "no forge: set GITHUB_API_URL (https://api.github.com) and GITHUB_TOKEN, or for Gitea FORGE_URL and "
                "FORGE_TOKEN, a token that may read Actions"
            )
        self._gitea = GiteaClient(api.removesuffix(GITEA_API), token) if api.endswith(GITEA_API) else None
        self._github = None if self._gitea else GitHubClient(api, is_hosted=_is_hosted(api), token=token)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in (self._gitea, self._github):
            if client is not None:
                client.__exit__()

    def repositories(self, owner: str) -> list[Scope]:
        """An owner's."""
        size = _GITEA_PAGE if self._gitea else _GITHUB_PAGE
        found: list[Scope] = []
        for page in range(1, MOST_PAGES):
            answer = self._ask(f"/orgs/{owner}/repos", page=str(page), **self._limit(size))
            entries = answer if isinstance(answer, list) else []
            found += [Scope(text(entry.get("full_name"))) for entry in entries if isinstance(entry, dict)]
            if not entries or len(found) >= MOST_REPOSITORIES:
                break
        return found[:MOST_REPOSITORIES]

    def jobs(self, repository: Scope, since: datetime) -> Iterator[Found]:
        """The jobs that have ended since then, and maybe some that ended before."""
        actions = f"{repository.api_path}/actions"
        yield from self._of_gitea(actions, since) if self._gitea else self._of_github(actions, since)

    def _of_gitea(self, actions: str, since: datetime) -> Iterator[Found]:
        """Its list is the oldest first and grows for ever: read from its end."""
        query = {"status": "completed"}
        total = self._ask(f"{actions}/jobs", limit="1", **query).get("total_count") or 0
        workflows: dict[int, str] = {}
        last = -(-int(total) // _GITEA_PAGE)
        for page in range(last, max(0, last - MOST_PAGES), -1):
            entries = _entries(self._ask(f"{actions}/jobs", limit=str(_GITEA_PAGE), page=str(page), **query), "jobs")
            for job in entries:
                run = job.get("run_id")
                if isinstance(run, int) and run not in workflows:
                    workflows[run] = _workflow(self._ask(f"{actions}/runs/{run}"))
                yield workflows.get(run, "") if isinstance(run, int) else "", job
            made = [at for job in entries if (at := moment(job.get("created_at")))]
            if made and max(made) < since - _LONGEST_JOB:
                return

    def _of_github(self, actions: str, since: datetime) -> Iterator[Found]:
        """A question for each run; of a run that was tried again, every attempt."""
        created = f">={(since - _LONGEST_JOB).date().isoformat()}"
        for page in range(1, MOST_PAGES):
            runs = _entries(self._ask(f"{actions}/runs", created=created, page=str(page), **self._limit(_GITHUB_PAGE)),
                            "workflow_runs")  # fmt: skip
            for run in runs:
                for jobs in range(1, MOST_PAGES):
                    path = f"{actions}/runs/{int(run['id'])}/jobs"
                    answer = self._ask(path, filter="all", page=str(jobs), **self._limit(_GITHUB_PAGE))
                    entries = _entries(answer, "jobs")
                    yield from ((_workflow(run), job) for job in entries)
                    if len(entries) < _GITHUB_PAGE:
                        break
            if len(runs) < _GITHUB_PAGE:
                return

    def _limit(self, size: int) -> dict[str, str]:
        return {"limit" if self._gitea else "per_page": str(size)}

    def _ask(self, path: str, **query: str) -> Any:
        try:
            if self._gitea is not None:
                return self._gitea.ask("GET", path, parameters=query)
            assert self._github is not None  # noqa: S101 - there is one of both
            return self._github.ask("GET", path, parameters=query)[0]
        except ForgeStatusError as error:
            raise CommandFailedError(f"{error}; the token must be one that may read Actions there") from error
        except (ForgeUnreachableError, ForgeRefusedError) as error:
            raise CommandFailedError(str(error)) from error


def _entries(answer: Any, key: str) -> list[dict[str, Any]]:
    entries = answer.get(key) if isinstance(answer, dict) else None
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _workflow(run: Any) -> str:
    """The workflow's file without its folder: both forges write FILE or FOLDER/FILE, and maybe @REF."""
    path = text(run.get("path")) if isinstance(run, dict) else ""
    return path.partition("@")[0].rpartition("/")[2]


def _is_hosted(api: str) -> bool:
    host = urlsplit(api).hostname or ""
    return host.startswith("api.") and ForgeScope(GITHUB, f"https://{host.removeprefix('api.')}", "").is_hosted
