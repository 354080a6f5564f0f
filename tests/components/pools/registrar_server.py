"""A small HTTPS server that answers as a test tells it to; what `register.sh` talks to."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from components.platform.serving_certificate import issue_serving_certificate


@dataclass(frozen=True)
class Answer:
    """One answer."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Server(ThreadingHTTPServer):
    """Gives its answers in order, the last one for ever, and notes what it was asked."""

    def __init__(self, answers: list[Answer], port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.answers = answers
        self.asked: list[tuple[str, str]] = []

    def next_answer(self) -> Answer:
        """The answer to the present request."""
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.server.asked.append((self.path, self.headers["Authorization"]))
        answer = self.server.next_answer()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def serving(folder: Path, answers: list[Answer], port: int = 0) -> Iterator[Server]:
    """A server for 127.0.0.1.nip-like names is not needed: the certificate is for `localhost`.

    Writes ca.crt and url into the folder, as the platform stack does into the namespace.
    """
    made = issue_serving_certificate("localhost")
    (folder / "ca.crt").write_text(made.ca)
    pair = folder / "pair.pem"
    pair.write_text(made.certificate + made.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)
    server = Server(answers, port)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    (folder / "url").write_text(f"https://localhost:{server.server_port}")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
