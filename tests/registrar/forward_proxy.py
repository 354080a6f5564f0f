"""A forward proxy for plain HTTP, as Squid is one: it passes requests for whole URLs on, and keeps their hosts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class ForwardProxy:
    """`hosts` are those that requests were for, in order; one that is no proxy's request is answered with 400."""

    url: str = ""
    hosts: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, target, version = head.split("\r\n", 1)[0].split(" ")
            parts = urlsplit(target)
            if not parts.hostname:
                writer.write(b"HTTP/1.1 400 no proxy request\r\nContent-Length: 0\r\n\r\n")
            else:
                self.hosts.append(parts.netloc)
                path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
                fields = [line for line in head.split("\r\n")[1:] if not line.lower().startswith("connection:")]
                passed = "\r\n".join([f"{method} {path} {version}", "Connection: close", *fields])
                await self._pass_on(parts.hostname, parts.port or 80, passed.encode(), (reader, writer))
            await writer.drain()
        writer.close()

    async def _pass_on(
        self, host: str, port: int, head: bytes, client: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    ) -> None:
        there, to_there = await asyncio.open_connection(host, port)
        to_there.write(head)
        body = asyncio.create_task(_copy(client[0], to_there))
        await _copy(there, client[1])
        body.cancel()
        to_there.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        target.write(data)
        await target.drain()


@asynccontextmanager
async def forward_proxy(host: str = "127.0.0.1") -> AsyncIterator[ForwardProxy]:
    """One on a free port of this machine."""
    proxy = ForwardProxy()
    server = await asyncio.start_server(proxy.serve, host, 0)
    proxy.url = f"http://{host}:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
