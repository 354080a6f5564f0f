"""A registrar as a process of its own, between stand-ins, as it runs in its pod."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from registrar.service import Ports
from tests.registrar.certificate import write_certificate
from tests.registrar.conftest import PATIENCE_SECONDS

KUBECONFIG = """
current-context: c
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: "{url}"}}}}]
users: [{{name: u, user: {{token: stand-in}}}}]
"""


def options(folder: Path) -> list[str]:
    """Its files, and ports that the system chooses: one that was free before may be another's by then."""
    return [
        "--config", str(folder / "config.json"), "--credential", str(folder / "token"),
        "--tls-certificate", str(folder / "tls.crt"), "--tls-key", str(folder / "tls.key"),
        "--host", "127.0.0.1", "--port", "0", "--status-port", "0", "--queue-port", "0",
    ]  # fmt: skip


def write_files(folder: Path, settings: dict[str, Any], *, token: str, cluster: str) -> None:
    """What a registrar's pod finds in its folders; cluster: the URL of the API server."""
    write_certificate(folder)
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "token").write_text(token)
    (folder / "kubeconfig").write_text(KUBECONFIG.format(url=cluster))


async def start_registrar(folder: Path) -> tuple["asyncio.subprocess.Process", Ports]:
    """A process of these files, as soon as it serves, and its ports. Raises AssertionError with what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "registrar", *options(folder),
        env={**os.environ, "KUBECONFIG": str(folder / "kubeconfig")},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return process, await _ports(process.stdout)
    except BaseException:
        await end_registrar(process)
        raise


async def _ports(output: asyncio.StreamReader) -> Ports:
    said = b""
    while line := await output.readline():
        said += line
        ports = ports_of(line)
        if ports is not None:
            return ports
    raise AssertionError(f"the registrar ended before it served: {said.decode()[-2000:]}")


def ports_of(line: bytes) -> Ports | None:
    """What it serves on, where this line of its log tells that."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None  # a traceback's
    is_told = isinstance(entry, dict) and entry.get("event") == "serving"
    return Ports(entry["port"], entry["status_port"], entry["queue_port"]) if is_told else None


async def end_registrar(process: "asyncio.subprocess.Process") -> None:
    """Kill it where it goes on. Raises TimeoutError where even that does not end it."""
    with suppress(ProcessLookupError):
        process.kill()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await process.wait()


@asynccontextmanager
async def registrar_process(folder: Path) -> AsyncIterator[tuple["asyncio.subprocess.Process", str]]:
    """A process of these files and its address, as soon as it serves; what it says after that is read and dropped."""
    process, ports = await start_registrar(folder)
    assert process.stdout is not None
    drain = asyncio.create_task(_drain(process.stdout))
    try:
        yield process, f"https://127.0.0.1:{ports.pods}"
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await drain
        await end_registrar(process)


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(2**16):
        pass
