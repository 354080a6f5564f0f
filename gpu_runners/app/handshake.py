"""Sends a manifest to GitHub through a person's browser and trades GitHub's answer for the App's key.

Serves on this machine alone, one page and one answer; GitHub's code is good for one hour and one use.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

from access.forge_errors import ForgeRefusedError, ForgeStatusError, ForgeUnreachableError
from access.github.client import GitHubClient
from gpu_runners.app.manifest import DESTINATION, Order, page
from gpu_runners.errors import CommandFailedError
from values.scope import GITHUB, ForgeScope

# Until GitHub's answer comes; its code is good for as long.
DEADLINE_SECONDS: Final = 3600.0
_LOOK_SECONDS: Final = 0.5
DONE: Final = "<!doctype html><meta charset=utf-8><p>The App exists. Go back to the terminal."
FOREIGN: Final = "<!doctype html><meta charset=utf-8><p>This answer belongs to no question of this page."


class AppNotMadeError(CommandFailedError):
    """GitHub gave no App. The message says why and what to do."""


class _Server(ThreadingHTTPServer):
    """Tells nobody of a connection that broke: the terminal is the person's, and a browser asks again."""

    def handle_error(self, request: object, client_address: object) -> None:
        """One connection's, which costs no other."""


def make_app(
    order: Order, port: int, say: Callable[[str], None], *, ca: str = "", deadline_seconds: float = DEADLINE_SECONDS
) -> Mapping[str, Any]:
    """GitHub's answer, with `id`, `slug`, `html_url` and `pem`. Waits for the person. Raises AppNotMadeError.

    ca: PEM of the authority of a GitHub that has one of its own.
    """
    state = secrets.token_urlsafe(24)
    codes: list[str] = []

    class Page(BaseHTTPRequestHandler):
        """The form, and where GitHub comes back to."""

        def do_GET(self) -> None:
            """Answers a browser, and whatever else on this machine asks."""
            path, query = _parts(self.path)
            if path == "/":
                self._answer(200, page(order, here, state))
            elif path != DESTINATION:
                self._answer(404, "")
            elif not (code := _code(query, state)):
                self._answer(403, FOREIGN)
            else:
                try:
                    self._answer(200, DONE)
                finally:  # GitHub's code is good for one use, whether or not the browser waits for its page
                    codes.append(code)

        def _answer(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            """The address of an answer holds the code."""

    try:
        # Browsers open connections ahead over which nothing comes: one that waits must keep no other waiting.
        server = _Server(("127.0.0.1", port), Page)
    except OSError as error:
        raise AppNotMadeError(
            f"port {port} of this machine cannot be used ({error}); choose another with --port"
        ) from error
    with server:
        here = f"http://127.0.0.1:{server.server_port}"
        cure = f"from another machine, `ssh -L {server.server_port}:127.0.0.1:{server.server_port}` leads there"
        say(f"open {here} in a browser on this machine, and create the App there ({cure})")
        server.timeout, until = _LOOK_SECONDS, time.monotonic() + deadline_seconds
        while not codes:
            if time.monotonic() > until:
                raise AppNotMadeError(f"nobody created the App within {deadline_seconds:g} s; run this again")
            server.handle_request()
    return _convert(order, codes[0], ca)


def _parts(target: str) -> tuple[str, str]:
    """Path and query of a request's target; of one that is no URL neither."""
    try:
        asked = urlsplit(target)
    except ValueError:
        return "", ""
    return asked.path, asked.query


def _code(query: str, state: str) -> str:
    """GitHub's code; "" where the answer belongs to another question, or is none. Compares bytes, for a state may hold
    any letter, and letters beyond ASCII are compared by nobody in constant time.
    """
    try:
        given = parse_qs(query)
    except ValueError:
        return ""
    is_ours = secrets.compare_digest(given.get("state", [""])[0].encode(), state.encode())
    return given.get("code", [""])[0] if is_ours else ""


def _convert(order: Order, code: str, ca: str) -> Mapping[str, Any]:
    """The App for GitHub's code."""
    forge = ForgeScope(GITHUB, order.github, "")
    # The path holds the code, which no message may show.
    try:
        with GitHubClient.of_scope(forge, ca) as client:
            app = client.ask("POST", f"/app-manifests/{quote(code, safe='')}/conversions")[0]
    except ForgeStatusError as error:
        raise AppNotMadeError(f"{forge.api_url} answers {error.status} to its own code; {_CURE}") from None
    except (ForgeUnreachableError, ForgeRefusedError):
        raise AppNotMadeError(f"{forge.api_url} does not answer; {_CURE}") from None
    if not (
        isinstance(app, Mapping)
        and type(app.get("id")) is int
        and all(isinstance(app.get(name), str) for name in ("slug", "html_url", "pem"))
    ):
        raise AppNotMadeError(f"{forge.api_url} answers its own code with no App; {_CURE}")
    return app


_CURE: Final = "look in the owner's list of Apps: delete the App if it is there, and run this again"
