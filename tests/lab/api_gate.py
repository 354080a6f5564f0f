"""The API server behind a gate, for what has to happen in the middle of a command's work."""

import base64
import os
import signal
import ssl
import tempfile
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import yaml

from lab.errors import LabError
from lab.trial.stack import Stack


class Gate:
    """The API server behind a proxy that lets reads and trials through, and real writes only while it is open; after
    `kill_after` of them it kills a process instead.
    """

    def __init__(self, stack: Stack, kill_after: int = -1) -> None:
        kubeconfig = yaml.safe_load(Path(stack.environment["KUBECONFIG"]).read_text())
        user, cluster = kubeconfig["users"][0]["user"], kubeconfig["clusters"][0]["cluster"]
        self._open, self._waiting = threading.Event(), threading.Event()
        self._open.set()
        self.writes, self._kill_after, self.victim = 0, kill_after, 0
        client = httpx2.Client(base_url=cluster["server"], verify=_trust(cluster, user), timeout=30, trust_env=False)
        self._client = client
        gate = self

        class Handler(BaseHTTPRequestHandler):
            def _pass(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if not gate.lets_through(self.command, self.path, body):
                    return
                headers = {k: v for k, v in self.headers.items() if k.lower() in ("accept", "content-type")}
                answer = client.request(self.command, self.path, content=body, headers=headers)
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass  # noqa: N815 - the server's own names

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False  # closing it waits for them, so that none has the client any more
        kubeconfig["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{self._server.server_port}"}
        kubeconfig["users"][0]["user"] = {}
        file = stack.folder / "gate.yaml"
        file.write_text(yaml.safe_dump(kubeconfig))
        self.kubeconfig = str(file)

    def lets_through(self, method: str, path: str, body: bytes) -> bool:
        if method == "GET" or "dryRun" in path or b"dryRun" in body:
            return True
        self._waiting.set()
        self._open.wait(60)
        self.writes += 1
        if self._kill_after < 0 or self.writes <= self._kill_after:
            return True
        if not self.victim:  # 0 would be this test's own process group
            raise LabError(f"a write before there is anybody to kill: {method} {path}")
        os.kill(self.victim, signal.SIGKILL)
        return False

    def close(self) -> None:
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    def is_waiting(self) -> bool:
        return self._waiting.is_set()

    def __enter__(self) -> "Gate":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.set()
        self._server.shutdown()
        self._server.server_close()
        self._client.close()


def _trust(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> ssl.SSLContext:
    def text(holder: Mapping[str, Any], name: str) -> str:
        if f"{name}-data" in holder:
            return base64.b64decode(holder[f"{name}-data"]).decode()
        return Path(holder[name]).read_text()

    context = ssl.create_default_context(cadata=text(cluster, "certificate-authority"))
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:
        pair.write(text(user, "client-certificate") + "\n" + text(user, "client-key"))
        pair.flush()
        context.load_cert_chain(pair.name)
    return context
