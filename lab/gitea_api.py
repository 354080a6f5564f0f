"""Gitea's REST API as the lab and the demo use it: JSON in, JSON out, and a refusal that says what was asked."""

from typing import Any, Self

import httpx2

from access.forge_errors import ForgeRefusedError, ForgeStatusError, ForgeUnreachableError
from access.gitea.client import GiteaClient
from lab.errors import LabError


class GiteaApi:
    """One server and one token. Every method raises LabError unless the answer is 2xx or listed in `allowed`."""

    def __init__(self, url: str, token: str) -> None:
        self._client = GiteaClient(url, token)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection."""
        self._client.__exit__()

    def get(self, path: str, **parameters: str | int) -> Any:
        """The JSON at a path."""
        return self._call("GET", path, params=parameters).json()

    def find(self, path: str) -> Any | None:
        """The JSON at a path, or None where there is nothing."""
        answer = self._call("GET", path, allowed=(404,))
        return answer.json() if answer.status_code == 200 else None

    def text(self, path: str) -> str:
        """The text at a path, empty where there is nothing (yet), as for the log of a job that has not begun."""
        answer = self._call("GET", path, allowed=(404, 500))
        return answer.text if answer.status_code == 200 else ""

    def post(self, path: str, body: object, allowed: tuple[int, ...] = ()) -> Any:
        """Creates something; what exists already is fine where 409 or 422 is allowed."""
        return self._call("POST", path, json=body, allowed=allowed)

    def put(self, path: str, body: object) -> None:
        """Creates or replaces something."""
        self._call("PUT", path, json=body)

    def patch(self, path: str, body: object) -> None:
        """Changes something that is there."""
        self._call("PATCH", path, json=body)

    def rendered(self, text: str, repository: str) -> str:
        """A comment as HTML, as people see it under an issue of the repository."""
        body = {"Text": text, "Mode": "comment", "Context": repository}
        return self._call("POST", "/markdown", json=body).text

    def delete(self, path: str) -> None:
        """Deletes something; what is not there is fine."""
        self._call("DELETE", path, allowed=(404,))

    def _call(
        self, method: str, path: str, *, allowed: tuple[int, ...] = (), json: object = None, params: Any = None
    ) -> httpx2.Response:
        try:
            return self._client.answer(method, path, body=json, parameters=params, allowed=allowed)
        except ForgeStatusError as refusal:
            raise LabError(f"Gitea refused {method} {path}: {refusal}") from None
        except (ForgeUnreachableError, ForgeRefusedError) as failure:
            raise LabError(f"Gitea did not answer {method} {path} ({failure}): is the lab up?") from None
