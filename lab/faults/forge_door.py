"""What stands between the suite's platform and the lab's Gitea: passes everything on until it is told to misbehave.

The registrar and the runners alike have its address; whoever judges asks Gitea itself.
"""

import contextlib
import http.client
import http.server
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from lab import gitea, network

PORT: Final = 3997
URL: Final = f"http://{network.HOST}:{PORT}"
GITEA_SECONDS = 60.0
REGISTER: Final = r"POST /api/actions/runner\.v1\.RunnerService/Register"


@dataclass(frozen=True)
class Answer:
    """What Gitea answered."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True)
class Request:
    """What was asked, and how to ask Gitea that."""

    line: str
    ask: Callable[[], Answer]


Handler = http.server.BaseHTTPRequestHandler
Misbehaviour = Callable[[Handler, Request], None]


class ForgeDoor:
    """The server. `hits`: requests that were answered badly since the last misbehaviour began."""

    def __init__(
        self, host: str = network.HOST, port: int = PORT, forge: tuple[str, int] = (network.HOST, gitea.PORT)
    ) -> None:
        self._forge = forge
        self._badly: Misbehaviour | None = None
        self._pattern = re.compile("")
        self._times: int | None = None
        self._lock = threading.Lock()
        self._over = threading.Event()
        self.hits = 0
        self._address = (host, port)
        self._server: http.server.ThreadingHTTPServer | None = None
        self._listen()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self._address[0]}:{self._address[1]}"

    def close(self) -> None:
        """Ends it."""
        self.pass_on()
        self._deaf()

    def misbehave(self, badly: Misbehaviour, pattern: str = "", times: int | None = None) -> None:
        """From now on, for the next `times` requests whose "METHOD /path" the pattern finds; None: until told else."""
        with self._lock:
            self._badly, self._pattern, self._times, self.hits = badly, re.compile(pattern), times, 0
            self._over.set()
            self._over = threading.Event()

    def refuse(self) -> None:
        """Nobody listens at the port, and connections that are open end at their next request."""
        self.misbehave(_reset)
        self._deaf()

    def pass_on(self) -> None:
        """As Gitea answers, from now on; who hangs is let go without an answer."""
        with self._lock:
            self._badly = None
            self._over.set()
        if self._server is None:
            self._listen()

    def serve(self, handler: Handler) -> None:
        """One request."""
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        line = f"{handler.command} {handler.path}"
        badly = self._take(line)
        request = Request(line, lambda: self._ask(handler, body))
        if badly is None:
            send(handler, request.ask())
        else:
            badly(handler, request)

    def hang(self, handler: Handler, _: Request) -> None:
        """No answer for as long as this lasts, and none afterwards."""
        self._over.wait()
        handler.close_connection = True

    def _take(self, line: str) -> Misbehaviour | None:
        with self._lock:
            if self._badly is None or self._times == 0 or not self._pattern.search(line):
                return None
            self.hits += 1
            if self._times is not None:
                self._times -= 1
            return self._badly

    def _ask(self, handler: Handler, body: bytes) -> Answer:
        connection = http.client.HTTPConnection(*self._forge, timeout=GITEA_SECONDS)
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in ("host", "connection")}
        try:
            connection.request(handler.command, handler.path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, tuple(response.getheaders()), response.read())
        except (OSError, http.client.HTTPException):
            return Answer(HTTPStatus.BAD_GATEWAY, (), b"")
        finally:
            connection.close()

    def _listen(self) -> None:
        door = self

        class OneHandler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                with contextlib.suppress(OSError):
                    door.serve(self)

            do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = handle_any  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        server = _Server(self._address, OneHandler)
        self._address = (str(server.server_address[0]), int(server.server_address[1]))
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        self._server = server

    def _deaf(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is one who was answered badly: nothing to tell."""


def send(handler: Handler, answer: Answer) -> None:
    """An answer, whole."""
    handler.send_response(answer.status)
    for name, value in answer.headers:
        if name.lower() not in ("content-length", "transfer-encoding", "connection", "date"):
            handler.send_header(name, value)
    if answer.status != HTTPStatus.NO_CONTENT:
        handler.send_header("Content-Length", str(len(answer.body)))
    handler.end_headers()
    handler.wfile.write(answer.body)


def late(seconds: float) -> Misbehaviour:
    """The answer, so many seconds late."""

    def badly(handler: Handler, request: Request) -> None:
        time.sleep(seconds)
        send(handler, request.ask())

    return badly


def status(code: int, *headers: tuple[str, str]) -> Misbehaviour:
    """This status, and nothing done."""
    return lambda handler, _: send(handler, Answer(code, headers, b'{"message": "a fault of the lab"}'))


def garbage(handler: Handler, _: Request) -> None:
    """What is no answer of this forge, as of a proxy that has a page of its own."""
    send(handler, Answer(HTTPStatus.OK, (("Content-Type", "text/html"),), b"<html>\xff\x00 please log in</html>"))


def half(handler: Handler, request: Request) -> None:
    """Done, and the connection ends in the middle of the answer."""
    answer = request.ask()
    handler.send_response(answer.status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(answer.body) + 2))
    handler.end_headers()
    handler.wfile.write(answer.body[: len(answer.body) // 2])
    handler.close_connection = True


def unanswered(handler: Handler, request: Request) -> None:
    """Done, and nobody is told."""
    request.ask()
    handler.close_connection = True


def twice(handler: Handler, request: Request) -> None:
    """Done twice; the second answer counts."""
    request.ask()
    send(handler, request.ask())


def _reset(handler: Handler, _: Request) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
