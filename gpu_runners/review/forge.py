"""GitHub and Gitea by one code: comments, issues and the removal of a runner have the same paths at both."""

import os
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx2

from gpu_runners.review.core.markdown import marker
from gpu_runners.review.errors import ReviewError

TIMEOUT_SECONDS: Final = 20.0
PAGE: Final = 50


class Forge:
    """One repository or scope at a forge. Every method raises ReviewError where the forge refuses."""

    def __init__(self, api: str, token: str) -> None:
        self._http = httpx2.Client(
            base_url=api.rstrip("/"),
            headers={"Authorization": f"token {token}", "Accept": "application/json"},
            timeout=TIMEOUT_SECONDS,
            # A proxy for the internet knows no way to a forge of one's own; GitHub is reached through it.
            trust_env=urlsplit(api).hostname == "api.github.com",
        )

    @classmethod
    def of_environment(cls) -> "Forge":
        """The forge of a workflow: GITHUB_API_URL (GitHub and Gitea set it) and GITHUB_TOKEN or FORGE_TOKEN."""
        api = os.environ.get("GITHUB_API_URL") or gitea_api(os.environ.get("FORGE_URL", ""))
        token = os.environ.get("GITHUB_TOKEN") or os.environ.get("FORGE_TOKEN", "")
        if not api or not token:
            raise ReviewError("no forge: set GITHUB_API_URL and GITHUB_TOKEN, or for Gitea FORGE_URL and FORGE_TOKEN")
        return cls(api, token)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def comment(self, repository: str, number: int, stack: str, text: str) -> str:
        """Writes the one comment of a stack under a pull request or issue; returns its address."""
        for comment in self._all(f"/repos/{repository}/issues/{number}/comments"):
            if str(comment.get("body", "")).startswith(marker(stack)):
                path = f"/repos/{repository}/issues/comments/{comment['id']}"
                return str(self._call("PATCH", path, {"body": text})["html_url"])
        return str(self._call("POST", f"/repos/{repository}/issues/{number}/comments", {"body": text})["html_url"])

    def issue(self, repository: str, stack: str, title: str, text: str, *, is_clean: bool) -> str:
        """Opens, updates or closes the one issue of a stack; says which."""
        path = f"/repos/{repository}/issues"
        found = next(
            (one for one in self._all(path, state="open") if str(one.get("body", "")).startswith(marker(stack))), None
        )
        if found is None:
            if is_clean:
                return "no issue is open, none is needed"
            return f"opened {self._call('POST', path, {'title': title, 'body': text})['html_url']}"
        change = {"title": title, "body": text, **({"state": "closed"} if is_clean else {})}
        answer = self._call("PATCH", f"{path}/{found['number']}", change)
        return f"{'closed' if is_clean else 'updated'} {answer['html_url']}"

    def remove_runner(self, scope: str, runner_id: int) -> None:
        """Removes a runner that has no job. Raises ReviewError for one that has: its job's result would be lost."""
        base = {0: "/admin", 1: f"/orgs/{scope}", 2: f"/repos/{scope}"}[
            len([part for part in scope.split("/") if part])
        ]
        path = f"{base}/actions/runners/{runner_id}"
        if (self._call("GET", path, absent_is_fine=True) or {}).get("busy"):
            raise ReviewError(f"runner {runner_id} of {scope} has a job: wait for its end and repair again")
        self._call("DELETE", path, absent_is_fine=True)

    def _all(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        page = 1
        while True:
            size = {"limit": str(PAGE), "per_page": str(PAGE), "page": str(page)}
            batch = self._call("GET", path, parameters={**parameters, **size})
            new = [one for one in batch if one["id"] not in {known["id"] for known in found}]
            found += new
            if not new:  # Gitea ignores the page for comments and gives all at once
                return found
            page += 1

    def _call(
        self, method: str, path: str, body: Any = None, *, parameters: Any = None, absent_is_fine: bool = False
    ) -> Any:
        try:
            answer = self._http.request(method, path, json=body, params=parameters)
        except httpx2.HTTPError as error:
            raise ReviewError(f"the forge did not answer {method} {path}: {error}") from error
        if answer.status_code == 404 and absent_is_fine:
            return None
        if not answer.is_success:
            raise ReviewError(f"the forge refused {method} {path}: {answer.status_code} {answer.text[:300].strip()}")
        return answer.json() if answer.content else None


def gitea_api(url: str) -> str:
    """The root of Gitea's API; "" without a server."""
    return f"{url}/api/v1" if url else ""
