"""A registrar as a process of its own, between stand-ins, as it runs in its pod."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from aiohttp.test_utils import unused_port

from tests.registrar.certificate import write_certificate
from tests.registrar.conftest import PATIENCE_SECONDS
from tests.registrar.test_main import KUBECONFIG, options


def write_files(folder: Path, settings: dict[str, Any], *, token: str, cluster: str) -> None:
    """What a registrar's pod finds in its folders; cluster: the URL of the API server."""
    write_certificate(folder)
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "token").write_text(token)
    (folder / "kubeconfig").write_text(KUBECONFIG.format(url=cluster))


@asynccontextmanager
async def registrar_process(folder: Path) -> AsyncIterator[tuple["asyncio.subprocess.Process", str]]:
    """A process of these files and its address, as soon as it serves; what it says after that is read and dropped."""
    port = unused_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "registrar", *options(folder, port),
        env={**os.environ, "KUBECONFIG": str(folder / "kubeconfig")},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    drain = None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while json.loads(await process.stdout.readline())["event"] != "serving":
                pass
        drain = asyncio.create_task(_drain(process.stdout))
        yield process, f"https://127.0.0.1:{port}"
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        if drain is not None:
            await drain
        await process.wait()


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(2**16):
        pass
