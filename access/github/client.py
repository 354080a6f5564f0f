"""GitHubClient: the one way in which commands ask GitHub and change what is there."""

from collections.abc import Mapping
from typing import Any, Final, Self

import gidgethub
from gidgethub import sansio

from access.forge_connection import ForgeConnection
from access.forge_errors import ForgeStatusError, ForgeUnreachableError, answers_are_read
from values.github import is_limit, is_page
from values.scope import ForgeScope

REQUESTER: Final = "gpu-runners"
ACCEPT: Final = sansio.accept_format()
HOSTED_API: Final = "https://api.github.com"


class GitHubClient:
    """One GitHub. Use it as a context manager.

    Every method raises ForgeUnreachableError; where GitHub says no, its kind ForgeStatusError, unless that is a limit.
    """

    def __init__(self, api: str, *, ca: str = "", is_hosted: bool = False, token: str = "") -> None:
        """token is shown wherever a question brings none of its own."""
        self._connection = ForgeConnection(api, ca=ca, is_hosted=is_hosted)
        self._token = token or None

    @classmethod
    def of_scope(cls, forge: ForgeScope, ca: str = "") -> "GitHubClient":
        """The GitHub of a scope."""
        return cls(forge.api_url, ca=ca, is_hosted=forge.is_hosted)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.__exit__()

    def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        jwt: str | None = None,
        body: Any = None,
        parameters: Mapping[str, str] | None = None,
    ) -> tuple[Any, Mapping[str, str]]:
        """The answer's content, None where it has none, and its headers."""
        shown = None if jwt else token or self._token
        headers = sansio.create_headers(REQUESTER, accept=ACCEPT, oauth_token=shown, jwt=jwt)
        answer = self._connection.request(method, path, headers=headers, body=body, parameters=parameters)
        if is_page(answer.status_code, answer.headers, answer.content):
            what = f"{answer.status_code} with a page that is none of GitHub's API"
            raise ForgeUnreachableError(f"{method} {path} is answered {what}; is a proxy before it?")
        try:
            with answers_are_read(f"{method} {path}"):
                data, _, _ = sansio.decipher_response(answer.status_code, answer.headers, answer.content)
        except gidgethub.HTTPException as error:
            raise _meaning(error, f"{method} {path}") from error
        except gidgethub.GitHubException as error:
            raise ForgeUnreachableError(f"GitHub answers nothing that can be read to {method} {path}") from error
        return data, answer.headers


def _meaning(error: gidgethub.HTTPException, asked: str) -> ForgeUnreachableError:
    status = int(error.status_code)
    message = f"GitHub answers {status} ({error}) to {asked}"
    is_limited = isinstance(error, gidgethub.RateLimitExceeded) or is_limit(status, error.headers, str(error))
    if is_limited or status >= 500:
        return ForgeUnreachableError(message)
    return ForgeStatusError(message, status, error.headers.get("x-accepted-github-permissions") or "")
