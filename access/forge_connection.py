"""ForgeConnection: HTTP to one forge: deadline, trust, proxy, and what it means when nothing comes back."""

import ssl
import time
from collections.abc import Mapping
from typing import Any, Final, Self

import httpx2

from access.forge_errors import ForgeRefusedError, ForgeUnreachableError
from values.forge_url import read_forge_url
from values.problem import Problem

DEADLINE_SECONDS: Final = 20.0  # without a byte
ANSWER_SECONDS: Final = 60.0
MOST_BYTES: Final = 16 * 2**20
_OF_THE_TRANSFER: Final = (
    "content-encoding",
    "content-length",
    "transfer-encoding",
)  # of a body that is decoded by now


class ForgeConnection:
    """Asks one forge, one thing after the other. Use it as a context manager.

    api is the root of its API, without a slash at the end. A proxy for the internet knows no way to a forge of one's
    own: one is used for a hosted forge alone. with_token: one is shown there. Raises ForgeRefusedError where that would
    go there in clear.
    """

    def __init__(
        self,
        api: str,
        *,
        ca: str = "",
        is_hosted: bool,
        headers: Mapping[str, str] | None = None,
        with_token: bool = True,
    ) -> None:
        self._api = api
        _check_address(api, with_token=with_token)
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
        given = {"headers": dict(headers or {}), "json": body, "params": parameters}
        try:
            # A redirect is an answer like any other: what it names is not followed, and gets no token.
            with self._http.stream(method, url, **given, follow_redirects=False) as answer:
                return _read(answer, f"{self._api} to {method} {path}")
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


def _read(answer: httpx2.Response, asked: str) -> httpx2.Response:
    """The whole answer. Raises ForgeUnreachableError for one that is too long, or takes too long, to be one."""
    body = bytearray()
    end = time.monotonic() + ANSWER_SECONDS
    for chunk in answer.iter_bytes():
        body += chunk
        if len(body) > MOST_BYTES or time.monotonic() > end:
            bounds = f"{MOST_BYTES // 2**20} MiB within {ANSWER_SECONDS:.0f} s"
            raise ForgeUnreachableError(f"an answer without end from {asked}; allowed: {bounds}")
    decoded = [(name, value) for name, value in answer.headers.multi_items() if name.lower() not in _OF_THE_TRANSFER]
    return httpx2.Response(answer.status_code, headers=decoded, content=bytes(body), request=answer.request)


def _check_address(api: str, *, with_token: bool) -> None:
    """The scope of a stack has been checked; a flag or a variable of a workflow may name another forge."""
    try:
        read_forge_url(api, with_token=with_token)
    except ValueError as error:
        problem = Problem(
            "the forge's address",
            str(error),
            "https://HOST, or http:// with an address of this machine or of a private network",
            "correct the URL: in the stack's scope, the flag --github, GITHUB_API_URL or FORGE_URL",
        )
        raise ForgeRefusedError.of(problem) from error
