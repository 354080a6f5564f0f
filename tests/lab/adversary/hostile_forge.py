"""A forge that turns hostile: it passes everything on to the lab's Gitea until it is told to answer in another way.

What runners ask is passed on all the time: it is the registrar at which the answers are thrown.
"""

import contextlib
import gzip
import http.client
import http.server
import json
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from lab import gitea, network

PORT: Final = 3998
URL: Final = f"http://{network.HOST}:{PORT}"
RUNNERS_OWN: Final = "/api/actions/runner.v1.RunnerService/"
REGISTER: Final = f"{RUNNERS_OWN}Register"
STOLEN: Final = "/stolen"
MOST_BYTES: Final = 200 * 2**20  # that anybody is made to read
DRIP_SECONDS: Final = 0.5

Json = dict[str, Any]
Send = Callable[[bytes], object]
Answer = Callable[[Send], object]


def _json(document: object, status: str = "200 OK", headers: str = "") -> Answer:
    return _whole(json.dumps(document).encode(), status, headers)


def _whole(body: bytes, status: str = "200 OK", headers: str = "") -> Answer:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return lambda send: send(head.encode() + body)


def _raw(text: bytes) -> Answer:
    return lambda send: send(text)


def _without_end(head: bytes, part: bytes, pause: float = 0.0) -> Answer:
    def answer(send: Send) -> None:
        send(head)
        sent = 0
        while sent < MOST_BYTES:
            send(part)
            sent += len(part)
            time.sleep(pause)

    return answer


def _runner(**fields: Any) -> Json:
    return {"id": 1, "name": "x", "status": "online", "busy": False, "ephemeral": True, "labels": [], **fields}


def _runners(*runners: Any) -> Answer:
    return _json({"runners": list(runners), "jobs": list(runners), "total_count": len(runners)})


CHUNK: Final = b"10000\r\n" + b" " * 2**16 + b"\r\n"
OK: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BOMB: Final = gzip.compress(b" " * MOST_BYTES)
ODD_NAME: Final = '\u001b]0;owned\u0007\n{"level": "error"}\r\n\u202e' * 40

ANSWERS: Final[dict[str, Answer]] = {
    "no HTTP": _raw(b"\x00\xff" * 4000),
    "nothing": _raw(b""),
    "half a status line": _raw(b"HTTP/1.1 2"),
    "headers without end": _without_end(b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"a" * 2000 + b"\r\n"),
    "one header without end": _without_end(b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * 4000),
    "interim answers without end": _without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body without end": _without_end(OK + b"Transfer-Encoding: chunked\r\n\r\n", CHUNK),
    "a body that drips": _without_end(OK + b"Content-Length: 900000\r\n\r\n", b" ", DRIP_SECONDS),
    "a body that is shorter than it says": _raw(OK + b"Content-Length: 900000\r\n\r\n{"),
    "a length that is none": _raw(OK + b"Content-Length: -1\r\n\r\n{}"),
    "two lengths": _raw(OK + b"Content-Length: 2\r\nContent-Length: 9\r\n\r\n{}"),
    "a chunk that is none": _raw(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
    "a bomb": _whole(BOMB, headers="Content-Encoding: gzip\r\n"),
    "an encoding that is none": _whole(b"{}", headers="Content-Encoding: gzip\r\n"),
    "no JSON": _whole(b"<html>"),
    "no text": _whole(b"\xff\xfe" * 500),
    "nested": _whole(b"[" * 500_000),
    "nested objects": _whole(b'{"runners":' * 100_000),
    "no number": _whole(b'{"runners": [{"id": NaN}], "jobs": [], "total_count": Infinity}'),
    "a null": _json(None),
    "a list": _json([1]),
    "an empty object": _json({}),
    "lists that are none": _json({"runners": {}, "jobs": "x", "total_count": "many"}),
    "runners that are none": _runners(None, 1, "x", []),
    "an id of 5,000 digits": _whole(b'{"total_count": 1, "jobs": [], "runners": [{"id": ' + b"9" * 5000 + b"}]}"),
    "ids that are none": _runners(_runner(id=-1), _runner(id=1.5), _runner(id=True), _runner(id="../../x")),
    "odd names": _runners(_runner(name=ODD_NAME, labels=[{"name": ODD_NAME}], conclusion=ODD_NAME)),
    "runners without end": _runners(
        *(_runner(id=number + 1) for number in range(50))
    ),  # the same page, again and again
    "more runners than anybody has": _runners(*(_runner(id=number + 1) for number in range(60_000))),
    "a redirect": _raw(f"HTTP/1.1 302 Found\r\nLocation: {URL}{STOLEN}\r\nContent-Length: 0\r\n\r\n".encode()),
    "a redirect that keeps the method": _raw(
        f"HTTP/1.1 308 Permanent Redirect\r\nLocation: {URL}{STOLEN}\r\nContent-Length: 0\r\n\r\n".encode()
    ),
    "another protocol": _raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx"),
    "no content": _raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "no permission": _json({}, "403 Forbidden"),
    "no credential": _json({}, "401 Unauthorized"),
    "patience for ever": _json({}, "503 Unavailable", f"Retry-After: {'9' * 400}\r\n"),
    "patience that is none": _json({}, "429 Too Many", "Retry-After: -1\r\nRetry-After: soon\r\n"),
    "a status that is none": _raw(b"HTTP/1.1 99999 No\r\nContent-Length: 0\r\n\r\n"),
    "cookies": _json({}, headers="".join(f"Set-Cookie: c{number}={'x' * 3000}\r\n" for number in range(20))),
}


class HostileForge:
    """The server. `begin` answers, which are given in turn, and `asked` counts the requests that got one."""

    def __init__(self, host: str = network.HOST, port: int = PORT) -> None:
        self._answers: tuple[Answer, ...] = ()
        self._lock = threading.Lock()
        self.asked = self.registrations = 0
        self.stolen: list[str] = []
        forge = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with contextlib.suppress(OSError):
                    forge.serve(self, body)

            do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = handle_any  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self._server = http.server.ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{host}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def begin(self, *answers: Answer) -> None:
        """Answer the registrar like these in turn from now on; without any: as Gitea does."""
        with self._lock:
            self._answers, self.asked, self.registrations = answers, 0, 0

    def serve(self, handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
        """One request."""
        if handler.path.startswith(STOLEN):
            self.stolen.append(handler.headers.get("Authorization", ""))
        is_runners_own = handler.path.startswith(RUNNERS_OWN) and handler.path != REGISTER
        with self._lock:
            answers = () if is_runners_own else self._answers
            answer = answers[self.asked % len(answers)] if answers else None
            self.asked += not is_runners_own
            self.registrations += handler.path == REGISTER or handler.path.endswith("/registration-token")
        if answer is None:
            self._pass_on(handler, body)
            return
        handler.close_connection = True
        answer(handler.wfile.write)

    @staticmethod
    def _pass_on(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
        """As Gitea answers."""
        connection = http.client.HTTPConnection(network.HOST, gitea.PORT, timeout=60)
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in ("host", "connection")}
        connection.request(handler.command, handler.path, body, headers)
        response = connection.getresponse()
        answered = response.read()
        connection.close()
        handler.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date"):
                handler.send_header(name, value)
        if response.status != http.HTTPStatus.NO_CONTENT:
            handler.send_header("Content-Length", str(len(answered)))
        handler.end_headers()
        handler.wfile.write(answered)
