"""ForgeConnection: HTTP to one forge: deadline, trust, proxy, and what it means when nothing comes back."""

import ssl
from collections.abc import Mapping
from typing import Any, Final, Self

import httpx2

from access.forge_errors import ForgeRefusedError, ForgeUnreachableError
from values.forge_url import read_forge_url
from values.problem import Problem

DEADLINE_SECONDS: Final = 20.0


class ForgeConnection:
    """Asks one forge, one thing after the other. Use it as a context manager.

    api is the root of its API, without a slash at the end. A proxy for the internet knows no way to a forge of one's
    own: one is used for a hosted forge alone. Raises ForgeRefusedError where a token would go there in clear.
    """

    def __init__(self, api: str, *, ca: str = "", is_hosted: bool, headers: Mapping[str, str] | None = None) -> None:
        self._api = api
        _check_address(api)
        # Without a CA of the forge's own: the public ones, and what SSL_CERT_FILE names.
        trust = ssl.create_default_context(cadata=ca) if ca else httpx2.create_ssl_context()
        self._http = httpx2.Client(
            verify=trust, timeout=DEADLINE_SECONDS, trust_env=is_hosted, headers=dict(headers or {})
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        parameters: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """The answer, whatever its status. Raises ForgeUnreachableError, ForgeRefusedError where it is not trusted."""
        url = f"{self._api}{path}"
        try:
            return self._http.request(method, url, headers=dict(headers or {}), json=body, params=parameters)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise ForgeRefusedError.of(self._distrust()) from error
            raise ForgeUnreachableError(f"{type(error).__name__} from {self._api} to {method} {path}") from error

    def _distrust(self) -> Problem:
        return Problem(
            "gpu-runners:forgeCa",
            f"a certificate of {self._api} that is not trusted",
            "one that is signed by a public CA, or by the one in gpu-runners:forgeCa",
            "set gpu-runners:forgeCa to the PEM of its CA",
        )


def _check_address(api: str) -> None:
    """The scope of a stack has been checked; a flag or a variable of a workflow may name another forge."""
    try:
        read_forge_url(api)
    except ValueError as error:
        problem = Problem(
            "the forge's address",
            str(error),
            "https://HOST, or http:// with an address of this machine or of a private network",
            "correct the URL: in the stack's scope, the flag --github, GITHUB_API_URL or FORGE_URL",
        )
        raise ForgeRefusedError.of(problem) from error
