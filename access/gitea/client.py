"""GiteaClient: the one way in which commands ask Gitea and change what is there."""

from collections.abc import Collection, Mapping
from typing import Any, Final, Self

import httpx2

from access.forge_connection import ForgeConnection
from access.forge_errors import ForgeStatusError, ForgeUnreachableError

API: Final = "/api/v1"
LONGEST_MESSAGE: Final = 300


class GiteaClient:
    """One Gitea and one token. Use it as a context manager.

    Every method raises ForgeUnreachableError; where Gitea says no, its kind ForgeStatusError, unless that is allowed.
    """

    def __init__(self, url: str, token: str, *, ca: str = "") -> None:
        """url is the server's root."""
        headers = {"Authorization": f"token {token}", "Accept": "application/json"}
        self._connection = ForgeConnection(f"{url}{API}", ca=ca, is_hosted=False, headers=headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.__exit__()

    def ask(self, method: str, path: str, *, body: Any = None, parameters: Mapping[str, str] | None = None) -> Any:
        """The JSON of an answer; None where it has none."""
        answer = self.answer(method, path, body=body, parameters=parameters)
        if not answer.content:
            return None
        try:
            return answer.json()
        except (ValueError, RecursionError) as error:  # e.g. a page of a proxy's
            raise ForgeUnreachableError(f"Gitea answers no JSON to {method} {path}") from error

    def answer(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        parameters: Mapping[str, str] | None = None,
        allowed: Collection[int] = (),
    ) -> httpx2.Response:
        """The answer as it comes, if its status is a success or one of the allowed."""
        answer = self._connection.request(method, path, body=body, parameters=parameters)
        status = answer.status_code
        if answer.is_success or status in allowed:
            return answer
        message = f"Gitea answers {status} to {method} {path}: {answer.text.strip()[:LONGEST_MESSAGE]}"
        raise ForgeUnreachableError(message) if status >= 500 or status == 429 else ForgeStatusError(message, status)
