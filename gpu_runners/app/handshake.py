"""Sends a manifest to GitHub through a person's browser and trades GitHub's answer for the App's key.

Serves on this machine alone, one page and one answer; GitHub's code is good for one hour and one use.
"""

import secrets
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from access.forge_errors import ForgeRefusedError, ForgeStatusError, ForgeUnreachableError
from access.github.client import GitHubClient
from gpu_runners.app.manifest import DESTINATION, Order, page
from gpu_runners.errors import CommandFailedError
from values.scope import GITHUB, ForgeScope

DONE: Final = "<!doctype html><meta charset=utf-8><p>The App exists. Go back to the terminal."
FOREIGN: Final = "<!doctype html><meta charset=utf-8><p>This answer belongs to no question of this page."


class AppNotMadeError(CommandFailedError):
    """GitHub gave no App. The message says why and what to do."""


def make_app(order: Order, port: int, say: Callable[[str], None]) -> Mapping[str, Any]:
    """GitHub's answer, with `id`, `slug`, `html_url` and `pem`. Waits for the person. Raises AppNotMadeError."""
    state = secrets.token_urlsafe(24)
    codes: list[str] = []

    class Page(BaseHTTPRequestHandler):
        """The form, and where GitHub comes back to."""

        def do_GET(self) -> None:
            """Answers a browser."""
            asked = urlsplit(self.path)
            given = parse_qs(asked.query)
            if asked.path == "/":
                self._answer(200, page(order, here, state))
            elif asked.path != DESTINATION:
                self._answer(404, "")
            elif not secrets.compare_digest(given.get("state", [""])[0], state) or "code" not in given:
                self._answer(403, FOREIGN)
            else:
                codes.append(given["code"][0])
                self._answer(200, DONE)

        def _answer(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            """The address of an answer holds the code."""

    try:
        server = HTTPServer(("127.0.0.1", port), Page)
    except OSError as error:
        raise AppNotMadeError(
            f"port {port} of this machine cannot be used ({error}); choose another with --port"
        ) from error
    with server:
        here = f"http://127.0.0.1:{server.server_port}"
        say(f"open {here} in a browser on this machine, and create the App there")
        while not codes:
            server.handle_request()
    return _convert(order, codes[0])


def _convert(order: Order, code: str) -> Mapping[str, Any]:
    """The App for GitHub's code."""
    forge = ForgeScope(GITHUB, order.github, "")
    # The path holds the code, which no message may show.
    try:
        with GitHubClient.of_scope(forge) as client:
            app: Mapping[str, Any] = client.ask("POST", f"/app-manifests/{code}/conversions")[0]
    except ForgeStatusError as error:
        raise AppNotMadeError(f"{forge.api_url} answers {error.status} to its own code; {_CURE}") from None
    except (ForgeUnreachableError, ForgeRefusedError):
        raise AppNotMadeError(f"{forge.api_url} does not answer; {_CURE}") from None
    return app


_CURE: Final = "look in the owner's list of Apps: delete the App if it is there, and run this again"
