"""The credential plugin of a base runner, as Kubernetes' clients start it, against a registrar of a few lines."""

import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightkube.config.kubeconfig import KubeConfig

from access.cluster.choice import ClusterChoice
from access.cluster.kubeconfig import read_kubeconfig
from access.cluster.login import PLUGIN_DEADLINE_SECONDS
from components.platform import credential_plugin
from components.platform.job_credential import PLUGIN, job_credential_files
from components.platform.serving_certificate import issue_serving_certificate
from values.contract import CREDENTIAL_PLUGIN_KEY, CREDENTIALS_PATH, kubeconfig_key

Answer = tuple[int, Any, dict[str, str]]
GOOD: Answer = (200, {"token": "short-lived", "expirationTimestamp": "2026-01-01T00:09:00Z"}, {})
REFUSED: Answer = (
    403,
    {"reason": "JobRef", "message": "job 7 may not act as deployer: its ref is refs/heads/evil"},
    {},
)


@dataclass
class Registrar:
    """Answers in turn, the last one for ever."""

    answers: list[Answer] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    folder: Path = Path()

    def start_plugin(self, account: str = "deployer", **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", str(self.folder / CREDENTIAL_PLUGIN_KEY), account]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=30)


@pytest.fixture
def registrar(tmp_path: Path) -> Iterator[Registrar]:
    """With the files of a base runner's pod in its folder."""
    state = Registrar(folder=tmp_path)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            state.asked.append((self.path, self.headers.get("Authorization", "")))
            status, body, headers = state.answers.pop(0) if len(state.answers) > 1 else state.answers[0]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write((body if isinstance(body, str) else json.dumps(body)).encode())

        def log_message(self, *_: object) -> None:
            """Nothing."""

    made = issue_serving_certificate("localhost")
    for name, text in (("tls.crt", made.certificate), ("tls.key", made.key), ("ca.crt", made.ca)):
        (tmp_path / name).write_text(text)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    (tmp_path / CREDENTIAL_PLUGIN_KEY).write_text(PLUGIN)
    (tmp_path / "token").write_text("pod-token\n")
    (tmp_path / "url").write_text(f"https://localhost:{server.server_port}")
    yield state
    server.shutdown()
    server.server_close()


def test_a_token_comes_with_the_time_at_which_a_client_asks_again(registrar: Registrar) -> None:
    registrar.answers = [GOOD]
    done = registrar.start_plugin()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "short-lived", "expirationTimestamp": "2026-01-01T00:09:00Z"},
    }
    assert registrar.asked == [(f"{CREDENTIALS_PATH}/deployer", "Bearer pod-token")]


def test_a_refusal_is_in_the_jobs_log_at_once(registrar: Registrar) -> None:
    registrar.answers = [REFUSED]
    done = registrar.start_plugin()
    assert (done.returncode, done.stdout, len(registrar.asked)) == (1, "", 1)
    assert done.stderr == (
        "no rights of deployer for this job: 403 JobRef: job 7 may not act as deployer: its ref is refs/heads/evil\n"
    )


def test_a_job_that_the_forge_shows_a_moment_later_is_waited_for(registrar: Registrar) -> None:
    registrar.answers = [(403, {"reason": "NoJob", "message": "none"}, {}), GOOD]
    assert registrar.start_plugin().returncode == 0
    assert len(registrar.asked) == 2


def test_a_registrar_that_asks_for_patience_gets_it(registrar: Registrar) -> None:
    registrar.answers = [(503, {"reason": "ForgeUnknown", "message": "away"}, {"Retry-After": "1"}), GOOD]
    assert registrar.start_plugin().returncode == 0


def test_a_proxy_for_the_internet_is_no_way_to_the_registrar(registrar: Registrar) -> None:
    registrar.answers = [GOOD]
    assert registrar.start_plugin(HTTPS_PROXY="http://127.0.0.1:9", https_proxy="http://127.0.0.1:9").returncode == 0


def test_whoever_has_another_certificate_gets_no_token(registrar: Registrar) -> None:
    (registrar.folder / "ca.crt").write_text(issue_serving_certificate("localhost").ca)
    registrar.answers = [GOOD]
    with pytest.raises(OSError, match="certificate verify failed"):
        credential_plugin.ask(registrar.folder, "deployer")
    assert registrar.asked == []


def test_it_ends_before_our_own_clients_give_it_up() -> None:
    longest = credential_plugin.DEADLINE_SECONDS + credential_plugin.TRY_SECONDS
    assert longest <= PLUGIN_DEADLINE_SECONDS


@pytest.mark.parametrize("account", ["deployer", "previewer"])
def test_the_kubeconfig_is_one_that_our_clients_read(account: str, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(job_credential_files()[kubeconfig_key(account)])
    config = read_kubeconfig(ClusterChoice(files=str(file)))
    assert config.cluster.server == "https://kubernetes.default.svc"
    assert config.cluster.certificate_auth == "/var/run/job-credential/kubernetes-ca.crt"
    assert config.user is not None
    assert config.user.exec is not None
    assert config.user.exec.args == ["-I", "/var/run/job-credential/credential.py", account]
    assert KubeConfig.from_dict(yaml.safe_load(file.read_text())).current_context == "this"
