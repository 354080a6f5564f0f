"""What stands in for the registrar and for the cluster's DNS on a machine that nothing outside reaches."""

import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingUDPServer
from threading import Thread

REGISTRATION = "stand-in-registration"
_ANSWER = 0x8180  # an answer to a recursive question, without error
_A, _IN = 1, 1


class _Registrar(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        bearer = self.headers.get("Authorization", "")
        known = self.path == "/registrations" and bearer.startswith("Bearer ") and bearer.count(".") == 2
        body = REGISTRATION.encode() if known else b"no token of a pod"
        self.send_response(200 if known else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def serve_registrar(address: str, port: int, pair: Path) -> None:
    """Gives every pod with a token a registration, over TLS with the certificate and key in `pair`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)
    server = ThreadingHTTPServer((address, port), _Registrar)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, daemon=True).start()


def serve_dns(address: str, answer: str) -> None:
    """Answers every question for an IPv4 address with the one given, and every other with nothing."""

    class Names(BaseRequestHandler):
        def handle(self) -> None:
            data, socket = self.request
            end = data.index(0, 12) + 5  # the question: labels, zero, type and class
            kind = int.from_bytes(data[end - 4 : end - 2], "big")
            count = 1 if kind == _A else 0
            head = data[:2] + b"".join(n.to_bytes(2, "big") for n in (_ANSWER, 1, count, 0, 0))
            record = b"\xc0\x0c" + b"".join(n.to_bytes(2, "big") for n in (_A, _IN, 0, 5, 4))
            record += bytes(map(int, answer.split(".")))
            socket.sendto(head + data[12:end] + record * count, self.client_address)

    Thread(target=ThreadingUDPServer((address, 53), Names).serve_forever, daemon=True).start()
