"""The jobs of a scope's last weeks, from GitHub or Gitea, and what of them could not be read."""

import os
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Self
from urllib.parse import urlsplit

from access.forge_errors import ForgeRefusedError, ForgeStatusError, ForgeUnreachableError
from access.gitea.client import API as GITEA_API
from access.gitea.client import GiteaClient
from access.github.client import GitHubClient
from gpu_runners.errors import CommandFailedError
from gpu_runners.usage.answers import Found
from gpu_runners.usage.gitea_jobs import gitea_jobs
from gpu_runners.usage.github_jobs import github_jobs
from gpu_runners.usage.records import text
from values.scope import GITEA, GITHUB, ForgeScope, Scope, ScopeKind

MOST_REPOSITORIES: Final = 1_000
_PAGE: Final = 50
# Both forges list jobs by when they were made: one that ended in a week may have been made so long before it.
_LONGEST_JOB: Final = timedelta(days=7)
_TOKEN: Final = "the token must be one that may read Actions there"  # noqa: S105 - no token


class Jobs:
    """The forge that the environment names, as a workflow's or as the lab's does. `gaps` is what was not read.

    Everything raises ForgeUnreachableError and CommandFailedError.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        server = environment.get("FORGE_URL", "").rstrip("/")
        api = environment.get("GITHUB_API_URL", "").rstrip("/") or (f"{server}{GITEA_API}" if server else "")
        token = environment.get("GITHUB_TOKEN") or environment.get("FORGE_TOKEN", "")
        if not api or not token:
            raise CommandFailedError(
                "no forge: set GITHUB_API_URL (https://api.github.com) and GITHUB_TOKEN, or for Gitea FORGE_URL and "
                "FORGE_TOKEN, a token that may read Actions"
            )
        self.gaps: list[str] = []
        self._has_read = False
        self._gitea = GiteaClient(api.removesuffix(GITEA_API), token) if api.endswith(GITEA_API) else None
        self._github = None if self._gitea else GitHubClient(api, is_hosted=_is_hosted(api), token=token)

    @property
    def kind(self) -> str:
        """The kind of forge."""
        return GITEA if self._gitea else GITHUB

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in (self._gitea, self._github):
            if client is not None:
                client.__exit__()

    def repositories(self, scope: Scope) -> list[Scope]:
        """Those of a scope; none where the forge refuses to list them, which is a gap."""
        if scope.is_repository:
            return [scope]
        try:
            return self._repositories(scope)
        except ForgeStatusError as error:
            self.gaps.append(f"{_repositories_of(scope)}: {error}; {_TOKEN}")
            return []

    def of_repository(self, repository: Scope, since: datetime) -> Iterator[Found]:
        """Its jobs: all that have ended since then, and maybe some that ended before.

        What the forge refuses, or does not answer after other answers, is a gap; where nothing was read, see
        `require_any`.
        """
        try:
            for found in self._jobs(repository, since - _LONGEST_JOB):
                self._has_read = True
                yield found
            self._has_read = True
        except ForgeStatusError as error:
            self.gaps.append(f"{repository}: {error}; {_TOKEN}")
        except ForgeUnreachableError as error:
            if not self._has_read:
                raise
            self.gaps.append(f"{repository}: {error}")  # e.g. the limit of the hour

    def require_any(self) -> None:
        """Raises CommandFailedError where the forge refused all that was asked."""
        if self.gaps and not self._has_read:
            raise CommandFailedError(self.gaps[0])

    def _repositories(self, scope: Scope) -> list[Scope]:
        found: list[Scope] = []
        page = 1
        is_all = scope.kind == ScopeKind.INSTANCE  # of Gitea: everything that the token may see
        path, size = "/repos/search" if is_all else f"{scope.api_path}/repos", "limit" if self._gitea else "per_page"
        while answer := self._ask(path, page=str(page), **{size: str(_PAGE)}):
            entries = answer["data"] if is_all else answer
            if not entries:
                break
            # Gitea says which have Actions; it answers 404 for those that have none.
            found += [Scope(text(entry.get("full_name"))) for entry in entries if entry.get("has_actions") is not False]
            if len(found) >= MOST_REPOSITORIES:
                self.gaps.append(f"{_repositories_of(scope)} behind the first {len(found)}; --repository names one")
                break
            page += 1
        return found

    def _jobs(self, repository: Scope, begin: datetime) -> Iterator[Found]:
        def leave_out(what: str) -> None:
            self.gaps.append(f"{repository}: {what}")

        walk = gitea_jobs if self._gitea else github_jobs
        return walk(self._ask, f"{repository.api_path}/actions", begin, leave_out)

    def _ask(self, path: str, **query: str) -> Any:
        try:
            if self._gitea is not None:
                return self._gitea.ask("GET", path, parameters=query)
            assert self._github is not None  # noqa: S101 - there is one of both
            return self._github.ask("GET", path, parameters=query)[0]
        except ForgeRefusedError as error:
            raise CommandFailedError(str(error)) from error


def _repositories_of(scope: Scope) -> str:
    return f"the repositories of {scope.path or 'the instance'}"


def _is_hosted(api: str) -> bool:
    host = urlsplit(api).hostname or ""
    return host.startswith("api.") and ForgeScope(GITHUB, f"https://{host.removeprefix('api.')}", "").is_hosted
