"""GitHub and Gitea by one code: comments, issues and the removal of a runner have the same paths at both."""

import argparse
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

from access.forge_errors import ForgeRefusedError, ForgeStatusError, ForgeUnreachableError
from access.gitea.client import API as GITEA_API
from access.gitea.client import GiteaClient
from access.github.client import GitHubClient
from gpu_runners.review.errors import ReviewFailedError
from values.scope import GITHUB, ForgeScope, Scope

PAGE: Final = 50
_ADDRESS: Final = re.compile(r"https?://[!-~]{1,2000}")  # no blank and no control character
MOST_PAGES: Final = 200  # of comments or open issues
# Who a job's own token is. GitHub: no person's name may hold brackets; Gitea: the name is reserved (models/user).
GITHUB_JOB_USER: Final = "github-actions[bot]"
GITEA_JOB_USER: Final = "gitea-actions"
HOSTED_API: Final = "api."  # GitHub's own service answers there; any other GitHub at its own host

Ask = Callable[[str, str, Any, Mapping[str, str] | None], Any]


@dataclass(frozen=True, kw_only=True)
class IssueText:
    """What an issue shall say. Its body begins with the marker."""

    marker: str
    title: str
    body: str
    is_clean: bool


class Forge:
    """One forge and one token. Every method raises ReviewFailedError where the forge refuses or does not answer."""

    def __init__(self, api: str, token: str, author: str = "") -> None:
        """api is the root of its API, as GITHUB_API_URL names it; author, whose comments are ours (the token's)."""
        api = api.rstrip("/")
        self._author = author
        self._job_user = GITEA_JOB_USER if api.endswith(GITEA_API) else GITHUB_JOB_USER
        if api.endswith(GITEA_API):
            gitea = GiteaClient(api.removesuffix(GITEA_API), token)
            self._close, self._ask = gitea.__exit__, _asked_of_gitea(gitea)
        else:
            github = GitHubClient(api, is_hosted=_is_hosted(api), token=token)
            self._close, self._ask = github.__exit__, _asked_of_github(github)

    @classmethod
    def of_environment(cls, author: str = "") -> "Forge":
        """The forge of a workflow: GITHUB_API_URL (GitHub and Gitea set it) and GITHUB_TOKEN or FORGE_TOKEN."""
        api = os.environ.get("GITHUB_API_URL") or gitea_api(os.environ.get("FORGE_URL", ""))
        token = os.environ.get("GITHUB_TOKEN") or os.environ.get("FORGE_TOKEN", "")
        if not api or not token:
            raise ReviewFailedError(
                "no forge: set GITHUB_API_URL and GITHUB_TOKEN, or for Gitea FORGE_URL and FORGE_TOKEN"
            )
        return cls(api, token, author)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def comment(self, repository: Scope, number: int, marker: str, text: str, *, is_clean: bool) -> str:
        """Writes the one comment under a pull request, none where all is clean and there is none; says which."""
        path = f"{repository.api_path}/issues/{number}/comments"
        ours = self._ours(self._all(path), marker)
        if ours is None:
            if is_clean:
                return "no comment is there, none is needed"
            return f"wrote {_address(self._call('POST', path, {'body': text}), path)}"
        number_of_ours = _number(ours, "id", path)
        changed = self._call("PATCH", f"{repository.api_path}/issues/comments/{number_of_ours}", {"body": text})
        return f"updated {_address(changed, path)}"

    def issue(self, repository: Scope, issue: IssueText, news: Callable[[str], str]) -> str:
        """Opens, updates or closes the one issue of a stack; says which.

        `news` says, of the body that is there, what its readers must be told; "" for nothing.
        """
        path = f"{repository.api_path}/issues"
        entries = self._all(path, state="open")
        ours = self._ours([entry for entry in entries if not entry.get("pull_request")], issue.marker)
        if ours is None:
            if issue.is_clean:
                return "no issue is open, none is needed"
            opened = self._call("POST", path, {"title": issue.title, "body": issue.body})
            return f"opened {_address(opened, path)}"
        told = "" if issue.is_clean else news(str(ours["body"]))
        change = {"title": issue.title, "body": issue.body, **({"state": "closed"} if issue.is_clean else {})}
        number = _number(ours, "number", path)
        answer = self._call("PATCH", f"{path}/{number}", change)
        if told:  # a change of the text alone reaches nobody
            self._call("POST", f"{path}/{number}/comments", {"body": told})
        return f"{'closed' if issue.is_clean else 'updated'} {_address(answer, path)}"

    def _ours(self, entries: Iterable[dict[str, Any]], marker: str) -> dict[str, Any] | None:
        """The first that bears the marker and was written by us: anybody may write a text that begins like ours."""
        marked = [entry for entry in entries if str(entry.get("body") or "").startswith(marker)]
        if not marked:
            return None
        author = self._author or self._user()
        return next((entry for entry in marked if _login(entry) == author), None)

    def _user(self) -> str:
        """Whom the token belongs to. A job's own token may not ask: then the forge's user for such tokens."""
        try:
            login = self._ask("GET", "/user", None, None)["login"]
        except ForgeStatusError as error:
            if error.status not in (401, 403, 404):
                raise ReviewFailedError(f"the forge refused GET /user: {error}") from error
            return self._job_user
        except (ForgeUnreachableError, ForgeRefusedError, KeyError, TypeError) as error:
            raise ReviewFailedError(f"the forge did not answer GET /user: {error}") from error
        return str(login)

    def _all(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        items: dict[int, dict[str, Any]] = {}
        for page in range(1, MOST_PAGES + 1):
            size = {"limit": str(PAGE), "per_page": str(PAGE), "page": str(page)}
            batch = self._call("GET", path, parameters={**parameters, **size})
            if not isinstance(batch, list):
                raise ReviewFailedError(f"the forge did not answer GET {path}: no list")
            known = len(items)
            for item in batch:
                items.setdefault(_number(item, "id", path), item)
            if len(items) == known:  # Gitea ignores the page for comments and gives all at once
                return list(items.values())
        raise ReviewFailedError(f"the forge did not answer GET {path}: more than {MOST_PAGES} pages, without an end")

    def _call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        parameters: Mapping[str, str] | None = None,
    ) -> Any:
        try:
            return self._ask(method, path, body, parameters)
        except ForgeStatusError as error:
            raise ReviewFailedError(f"the forge refused {method} {path}: {error}") from error
        except (ForgeUnreachableError, ForgeRefusedError) as error:
            raise ReviewFailedError(f"the forge did not answer {method} {path}: {error}") from error


def add_author(parser: argparse.ArgumentParser) -> None:
    """--author."""
    parser.add_argument(
        "--author", default="", metavar="LOGIN",
        help="whose texts are ours (the token's user; an App's token needs it, e.g. `review-app[bot]`)",
    )  # fmt: skip


def _number(entry: object, field: str, path: str) -> int:
    """A number that has to be there. Raises ReviewFailedError."""
    value = entry.get(field) if isinstance(entry, dict) else None
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise ReviewFailedError(f"the forge did not answer {path}: an entry without {field}")


def _login(entry: dict[str, Any]) -> object:
    """Who wrote it, None where nobody says so."""
    user = entry.get("user")
    return user.get("login") if isinstance(user, dict) else None


def _address(entry: object, path: str) -> str:
    """Where people find what was written. Raises ReviewFailedError."""
    value = entry.get("html_url") if isinstance(entry, dict) else None
    if isinstance(value, str) and _ADDRESS.fullmatch(value):
        return value
    raise ReviewFailedError(f"the forge did not answer {path}: an entry without html_url")


def gitea_api(url: str) -> str:
    """The root of Gitea's API; "" without a server."""
    return f"{url}{GITEA_API}" if url else ""


def _is_hosted(api: str) -> bool:
    host = urlsplit(api).hostname or ""
    return host.startswith(HOSTED_API) and ForgeScope(GITHUB, f"https://{host.removeprefix(HOSTED_API)}", "").is_hosted


def _asked_of_gitea(client: GiteaClient) -> Ask:
    return lambda method, path, body, parameters: client.ask(method, path, body=body, parameters=parameters)


def _asked_of_github(client: GitHubClient) -> Ask:
    return lambda method, path, body, parameters: client.ask(method, path, body=body, parameters=parameters)[0]
