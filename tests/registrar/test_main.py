"""The process itself: it says what is wrong with its files, serves TLS and ends quickly when told to."""

import asyncio
import json
import signal
import ssl
import time
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from registrar.__main__ import _until_stopped, arguments, main
from registrar.loop import SEE_OFF_SECONDS
from tests.registrar.certificate import write_certificate
from tests.registrar.conftest import PATIENCE_SECONDS, settings_document
from tests.registrar.registrar_process import KUBECONFIG, end_registrar, options, start_registrar
from tests.registrar.stand_in_cluster import StandInCluster
from values import contract


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_serves_tls_and_ends_within_seconds_of_a_signal_though_nobody_else_is_there(
    tmp_path: Path, number: signal.Signals
) -> None:
    cluster = TestServer(StandInCluster().application())
    await cluster.start_server()
    write_certificate(tmp_path)
    document = settings_document(forge={"kind": "gitea", "url": "http://127.0.0.1:1"})
    (tmp_path / "config.json").write_text(json.dumps(document))
    (tmp_path / "token").write_text("forge-credential")
    (tmp_path / "kubeconfig").write_text(KUBECONFIG.format(url=cluster.make_url("")))
    process, ports = await start_registrar(tmp_path)
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    async with ClientSession() as http, http.get(f"https://127.0.0.1:{ports.pods}/healthz", ssl=trust) as response:
        assert await response.text() == "ok"
    began = time.monotonic()
    process.send_signal(number)
    try:
        rest, _ = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    finally:
        await end_registrar(process)
    assert process.returncode == 0
    assert time.monotonic() - began < SEE_OFF_SECONDS / 2  # there is no runner to see off
    lines = [json.loads(line) for line in rest.decode().splitlines()]
    assert lines[-1]["event"] == "stopped"
    assert "forge-credential" not in rest.decode()
    await cluster.close()


def test_bad_settings_end_it_with_every_problem_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(settings_document(keepFailed="three", extra=1)))
    assert main(options(tmp_path)) == 2
    said = capsys.readouterr().err
    assert "keepFailed" in said
    assert "extra" in said


def test_a_missing_credential_is_named_with_its_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(settings_document()))
    (tmp_path / "kubeconfig").write_text(KUBECONFIG.format(url="http://127.0.0.1:1"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    assert main(options(tmp_path)) == 2
    message = capsys.readouterr().err
    assert f"{tmp_path / 'token'}: found No such file or directory; allowed: a file that can be read" in message
    assert "cure: mount the forge's credential there" in message


def test_a_kubeconfig_that_cannot_be_used_is_one_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(settings_document()))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    assert main(options(tmp_path)) == 2
    message = capsys.readouterr().err
    assert message.startswith("the cluster's credentials: found ")
    assert message.endswith("cure: run in a pod, or set KUBECONFIG\n")


def test_without_options_it_looks_where_its_pod_has_everything() -> None:
    options = arguments([])
    assert (str(options.config), str(options.credential)) == (contract.CONFIG_PATH, contract.CREDENTIAL_PATH)
    assert (str(options.tls_certificate), str(options.tls_key)) == (
        contract.TLS_CERTIFICATE_PATH,
        contract.TLS_KEY_PATH,
    )
    assert (options.host, options.port) == ("0.0.0.0", contract.REGISTRAR_PORT)  # noqa: S104 - the pod's own
    assert (options.status_port, options.queue_port) == (
        contract.REGISTRAR_STATUS_PORT,
        contract.REGISTRAR_QUEUE_PORT,
    )


async def test_a_part_that_ends_by_itself_ends_the_process_whatever_it_ends_with() -> None:
    """Kubernetes starts it anew; else nobody would notice that nothing is watched any more."""

    async def over() -> None:
        return

    async def broken() -> None:
        raise OSError("a fault that nobody thought of")

    goes_on = asyncio.create_task(asyncio.Event().wait())
    for part, error in ((over(), RuntimeError), (broken(), OSError)):
        with pytest.raises(error):
            await _until_stopped([asyncio.create_task(part), goes_on])  # type: ignore[list-item]
    goes_on.cancel()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(number)
