"""Questions to GitHub before anything is declared: one connection, and what a refusal or a silence means."""

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Self

import gidgethub
import httpx2
from gidgethub import sansio

from values.scope import ForgeScope

REQUESTER: Final = "gpu-runners"
DEADLINE_SECONDS: Final = 15.0
ACCEPT: Final = sansio.accept_format()


class DeniedError(Exception):
    """One problem, told with its cure."""


class AwayError(Exception):
    """No usable answer now."""


class Questions:
    """Asks one GitHub, one thing after the other. Use it as a context manager."""

    def __init__(self, forge: ForgeScope, ca: str = "") -> None:
        self._forge = forge
        trust = ssl.create_default_context(cadata=ca) if ca else True
        self._http = httpx2.Client(verify=trust, timeout=DEADLINE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(
        self, method: str, url: str, *, token: str | None = None, jwt: str | None = None, body: Any = None
    ) -> tuple[Any, Mapping[str, str]]:
        """The answer's content and headers. Raises AwayError, DeniedError and what `told` words."""
        headers = sansio.create_headers(REQUESTER, accept=ACCEPT, oauth_token=token, jwt=jwt)
        try:
            answer = self._http.request(method, f"{self._forge.api_url}{url}", headers=headers, json=body)
        except httpx2.HTTPError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                cure = "set gpu-runners:forgeCa to the PEM of its CA"
                raise DeniedError(f"the certificate of {self._forge.url} is not trusted; {cure}") from error
            raise AwayError(f"{type(error).__name__} from {self._forge.api_url}") from error
        data, _, _ = sansio.decipher_response(answer.status_code, answer.headers, answer.content)
        return data, answer.headers


def denied(check: Callable[[], object]) -> Iterator[str]:
    """The problem that a check raises as DeniedError, if it does."""
    try:
        check()
    except DeniedError as problem:
        yield str(problem)


@contextmanager
def told(problems: Mapping[int, str]) -> Iterator[None]:
    """Words a refusal by its status; whatever has no words here is no verdict on the stack."""
    try:
        yield
    except gidgethub.HTTPException as error:
        status = int(error.status_code)
        limited = isinstance(error, gidgethub.RateLimitExceeded) or "rate limit" in str(error).lower()
        if limited or status not in problems:
            raise AwayError(f"GitHub answers {status} ({error})") from error
        needs = error.headers.get("x-accepted-github-permissions")
        raise DeniedError(f"{problems[status]}{f' (GitHub asks for {needs})' if needs else ''}") from error
