"""The process as it runs in its pod, TLS and all, among thousands of requests that are none."""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import random
import signal
import ssl
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector
from aiohttp.test_utils import TestServer

from tests.registrar.certificate import write_certificate
from tests.registrar.conftest import PATIENCE_SECONDS, settings_document
from tests.registrar.registrar_process import KUBECONFIG, end_registrar, start_registrar
from tests.registrar.stand_in_cluster import StandInCluster, runner_pod
from tests.registrar.stand_in_gitea import TOKEN, StandInGitea

BAD_REQUESTS = 2000
AT_ONCE = 400
MOST_MEMORY_MIB = 64.0  # that the registrar may grow by
POOLED = 20  # connections to forge and API server that are kept for the next request
LINE = b"POST /registrations HTTP/1.1\r\nHost: registrar\r\n"


@dataclass
class Running:
    """The registrar as a process of its own, between stand-ins."""

    cluster: StandInCluster
    gitea: StandInGitea
    process: asyncio.subprocess.Process
    port: int
    status_port: int
    trust: ssl.SSLContext

    def memory_mib(self) -> float:
        """What it holds now."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def files(self) -> int:
        """Its open descriptors."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    cluster, gitea = StandInCluster(), StandInGitea()
    servers = TestServer(cluster.application()), TestServer(gitea.application())
    for server in servers:
        await server.start_server()
    write_certificate(tmp_path)
    forge = {"kind": "gitea", "url": str(servers[1].make_url("")).rstrip("/")}
    (tmp_path / "config.json").write_text(json.dumps(settings_document(forge=forge)))
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "kubeconfig").write_text(KUBECONFIG.format(url=servers[0].make_url("")))
    process, ports = await start_registrar(tmp_path)
    assert process.stdout is not None
    reading = asyncio.create_task(process.stdout.read())
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    try:
        yield Running(cluster, gitea, process, ports.pods, ports.status, trust)
        process.send_signal(signal.SIGTERM)
        said = (await asyncio.wait_for(reading, PATIENCE_SECONDS)).decode()
        assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == 0
    finally:
        await end_registrar(process)
    assert "Traceback" not in said, said[max(0, said.index("Traceback") - 500) :][:3000]
    assert "exception" not in said, said[max(0, said.index("exception") - 500) :][:3000]
    cluster.break_watches()
    for server in servers:
        await server.close()


def bad_requests() -> list[bytes]:
    """One of each kind: half a request, garbage, floods, and whole requests that are refused."""
    nested = base64.urlsafe_b64encode(b"[" * 3000)
    return [
        b"", b"P", LINE, LINE + b"Authorization: Bearer aaaa", LINE + b"Content-Length: 100\r\n\r\nhalf",
        LINE + b"Content-Length: 999999999999\r\n\r\n", LINE + b"Content-Length: -1\r\n\r\n",
        LINE + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n", LINE + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n",
        LINE + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", LINE + b"X: " + b"a" * 20_000,
        LINE + b"".join(b"X-%d: a\r\n" % n for n in range(500)) + b"\r\n", LINE * 300 + b"\r\n\r\n",
        (LINE + b"\r\n") * 500, b"\x16\x03\x01" + bytes(range(256)) * 4, b"GET / HTTP/9.9\r\n\r\n", b"\x00" * 5000,
        b"GET /queue?namespace=runners&pool=aaa HTTP/1.1\r\nHost: r\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: r\r\n\r\n",
        b"GET /%ff%00/../.. HTTP/1.1\r\nHost: r\r\n\r\n", LINE + b"\r\n", LINE + b"Authorization: Basic eDp5\r\n\r\n",
        LINE + b"Authorization: Bearer " + nested + b".e30.x\r\n\r\n", LINE + b"Authorization: Bearer \xff\xfe\r\n\r\n",
        LINE + b"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ]  # fmt: skip


async def attack(running: Running, address: str, request: bytes, *, tls: bool) -> None:
    """Send it and keep the connection until the registrar ends it."""
    with contextlib.suppress(OSError, ssl.SSLError, TimeoutError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", running.port, ssl=running.trust if tls else None, local_addr=(address, 0)
            )
            try:
                writer.write(request)
                await writer.drain()
                while await reader.read(4096):
                    pass
            finally:
                writer.transport.abort()


async def register(running: Running, pod: dict[str, Any]) -> int:
    """As the pod's script: again and again until there is an answer. Returns the number of tries."""
    await running.cluster.create(pod)
    headers = {"Authorization": f"Bearer {running.cluster.token(pod)}"}
    for attempt in itertools.count(1):
        connector = TCPConnector(ssl=running.trust, force_close=True)
        try:
            async with (
                ClientSession(connector=connector, timeout=ClientTimeout(total=30)) as http,
                http.post(f"https://127.0.0.1:{running.port}/registrations", headers=headers) as response,
            ):
                body = await response.text()
                if response.status == 200:
                    return attempt
                assert response.status in (429, 503), body
                await asyncio.sleep(float(response.headers["Retry-After"]))
        except (ClientError, TimeoutError, OSError):
            await asyncio.sleep(0.5)
    raise AssertionError


@pytest.mark.parametrize("addresses", [1, 250], ids=["one address", "many addresses"])
async def test_2000_bad_or_half_requests_cost_no_registration_and_little_memory(
    running: Running, addresses: int
) -> None:
    chance = random.Random(7)  # noqa: S311 - a choice that is the same in every run
    kinds = bad_requests()
    before, most, open_files = running.memory_mib(), 0.0, running.files()
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with slots:
            address = f"127.0.1.{1 + number % addresses}"
            await attack(running, address, kinds[number % len(kinds)], tls=chance.random() < 0.85)

    attacking = [asyncio.create_task(one(number)) for number in range(BAD_REQUESTS)]

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, running.memory_mib() - before)
            await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    pods = [runner_pod(f"cuda-abc-{number:05d}") for number in range(30)]
    async with asyncio.timeout(4 * PATIENCE_SECONDS):
        tries = await asyncio.gather(*(register(running, pod) for pod in pods))
        await asyncio.gather(*attacking)
    watching.cancel()
    assert len(running.gitea.runners) == 30
    # None for a bad request; a pod that a busy machine kept waiting for too long hangs up and asks again.
    assert running.gitea.minted - 30 <= sum(tries) - 30
    assert max(tries) <= 5
    assert most < MOST_MEMORY_MIB
    async with asyncio.timeout(PATIENCE_SECONDS):
        while running.files() > open_files + POOLED:
            await asyncio.sleep(0.1)


async def test_a_pod_reaches_neither_queue_nor_runners_nor_metrics_on_its_port(running: Running) -> None:
    connector = TCPConnector(ssl=running.trust, force_close=True)
    async with ClientSession(connector=connector) as http:
        for path in ("/queue", "/runners", "/metrics"):
            async with http.get(f"https://127.0.0.1:{running.port}{path}") as response:
                assert response.status == 404
            async with http.get(f"https://127.0.0.1:{running.status_port}{path}") as response:
                assert response.status == 200
        async with http.post(f"https://127.0.0.1:{running.status_port}/registrations") as response:
            assert response.status == 404


async def test_700_half_sent_requests_leave_the_health_of_the_registrar_alone(running: Running) -> None:
    before, open_files = running.memory_mib(), running.files()

    async def half(number: int) -> None:
        while True:  # whoever is sent away comes again: how fast this machine is decides nothing
            await attack(running, f"127.0.2.{1 + number % 200}", LINE, tls=True)

    halves = [asyncio.create_task(half(number)) for number in range(700)]
    async with asyncio.timeout(PATIENCE_SECONDS):
        while running.files() < open_files + 100:
            await asyncio.sleep(0.05)

    def healthz() -> int:
        """Not by this process's loop, which the attackers keep busy: who is slow to ask is hung up on."""
        url = f"https://127.0.0.1:{running.status_port}/healthz"
        with urllib.request.urlopen(url, context=running.trust, timeout=PATIENCE_SECONDS) as response:
            return int(response.status)

    for _ in range(20):
        assert await asyncio.to_thread(healthz) == 200
        assert running.memory_mib() - before < MOST_MEMORY_MIB
    for task in halves:
        task.cancel()
    ended = await asyncio.gather(*halves, return_exceptions=True)
    assert {type(error) for error in ended} == {asyncio.CancelledError}
