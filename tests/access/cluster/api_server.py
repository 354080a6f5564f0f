"""An API server on loopback that answers what a test puts there, and notes what it was asked and what it was shown."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import yaml

Server = TypeVar("Server", bound=ThreadingHTTPServer)


class ApiServer(ThreadingHTTPServer):
    """Answers by path, or refuses with a status and a message; anything else is not found.

    With a token, only whoever shows that one gets an answer.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, Any] = {"/version": {"major": "1", "minor": "36"}}
        self.later: dict[str, Any] = {}  # what a path answers once its present answer was given
        self.refusals: dict[str, tuple[int, str]] = {}
        self.asked: list[str] = []
        self.bodies: dict[str, bytes] = {}  # the last one that came to each path
        self.token = ""
        self.held = threading.Event()  # somebody waits for an answer that does not come
        self._answering = threading.Event()
        self._answering.set()

    def stop_answering(self) -> None:
        """From now on every request waits."""
        self._answering.clear()

    def hold(self) -> None:
        """From now on no request is answered. Returns when one waits."""
        self.stop_answering()
        assert self.held.wait(20), "nobody asked"

    def release(self) -> None:
        """Answers again, and those who wait first."""
        self._answering.set()

    def wait_for_release(self) -> None:
        """What each request passes before its answer."""
        if not self._answering.is_set():
            self.held.set()
            self._answering.wait()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def kubeconfig(self, path: Path, user: dict[str, Any] | None = None, context: str = "it") -> Path:
        """Written to that path."""
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "clusters": [{"name": context, "cluster": {"server": self.url}}],
            "contexts": [{"name": context, "context": {"cluster": context, "user": "me"}}],
            "users": [{"name": "me", "user": {"token": "t"} if user is None else user}],
        }
        path.write_text(yaml.safe_dump(document))
        return path


class JsonHandler(BaseHTTPRequestHandler):
    """Says nothing but its answers, which are JSON."""

    def log_message(self, format: str, *args: object) -> None:
        pass

    def say(self, status: int, body: Any) -> None:
        """The answer to the present request: JSON, or bytes as they are."""
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


class _Handler(JsonHandler):
    server: ApiServer

    def _answer(self) -> None:
        path = urlsplit(self.path).path
        if length := int(self.headers.get("Content-Length") or 0):
            self.server.bodies[path] = self.rfile.read(length)
        self.server.asked.append(f"{self.command} {path}")
        self.server.wait_for_release()
        status, body = 404, self._status(404, "not found")
        if self.server.token and self.headers.get("Authorization") != f"Bearer {self.server.token}":
            status, body = 401, self._status(401, "Unauthorized")
        elif path in self.server.refusals:
            status = self.server.refusals[path][0]
            body = self._status(*self.server.refusals[path])
        elif path in self.server.answers:
            parameters = dict(parse_qsl(urlsplit(self.path).query))
            status, body = 200, _labelled(_of_type(self.server.answers[path], parameters), parameters)
            if path in self.server.later:
                self.server.answers[path] = self.server.later.pop(path)
        self.say(status, body)

    @staticmethod
    def _status(code: int, message: str) -> dict[str, Any]:
        return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}

    do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - the library's names


def _of_type(answer: Any, parameters: dict[str, str]) -> Any:
    """Of a list of Secrets those of which `type` is none of the field selector's."""
    selector = [term.partition("!=") for term in parameters.get("fieldSelector", "").split(",")]
    left_out = [value for name, _, value in selector if name == "type" and value]
    return {**answer, "items": [it for it in answer["items"] if it["type"] not in left_out]} if left_out else answer


def _labelled(answer: Any, parameters: dict[str, str]) -> Any:
    """Of a list what bears the labels of the label selector's terms `name=value`; those of a mere name hold for all."""
    selector = [term.partition("=") for term in parameters.get("labelSelector", "").split(",") if "=" in term]
    if not selector:
        return answer

    def matches(labels: dict[str, str]) -> bool:
        return all(labels.get(name) == value for name, _, value in selector)

    return {**answer, "items": [it for it in answer["items"] if matches(it["metadata"].get("labels") or {})]}


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """A server that ends with the block."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def api_server() -> Iterator[ApiServer]:
    """One that ends with the block."""
    with serving(ApiServer()) as server:
        yield server
