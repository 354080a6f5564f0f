"""Accepts TLS connections within bounds: how many, from one address and in all, for how long, and how much they send.

asyncio and aiohttp bound none of these: 700 half-sent requests were enough to fill the registrar's memory. A full house
refuses nobody who comes: the connection that has been silent for longest makes room, and whoever means it has sent a
request within milliseconds. A connection serves one request, but where everybody shows a certificate.
"""

import asyncio
import asyncio.sslproto
import contextvars
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from aiohttp import web

from registrar.logs import log

BACKLOG: Final = 512
ACCEPT_PAUSE_SECONDS: Final = 0.1  # after an error such as too many open files
TLS_SHUTDOWN_SECONDS: Final = 1.0
BUSY_PART: Final = 0.05  # of a connection's time to open, by which its end is late: so long nobody here listened to it
# Of asyncio's TLS protocol, for each connection and from its first byte on; its own size is 256 KiB.
TLS_BUFFER_BYTES: Final = 8 * 1024


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Of one listener."""

    connections: int
    of_an_address: int
    opening_seconds: float = 5.0  # from the connection to the end of the request's headers, the handshake included
    lifetime_seconds: float = 60.0
    received_bytes: int = 32 * 1024


class _Connection(asyncio.Protocol):
    """One connection: counts its bytes and its time, and leaves HTTP to aiohttp's protocol."""

    def __init__(self, listener: "Listener", address: str, inner: asyncio.Protocol, limits: Limits) -> None:
        self._listener, self._inner, self._limits = listener, inner, limits
        self.address, self.is_opening = address, True
        self.task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._received = 0
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        self._lifetime = loop.call_later(limits.lifetime_seconds, self.abort)
        self._opening = loop.call_later(limits.opening_seconds, self._expire_opening)

    def serve(self) -> None:
        """The headers are complete."""
        self.is_opening = False
        self._listener.moved(self)

    @property
    def is_worn(self) -> bool:
        """Whether half of what it may last or send is used up: who comes back does so on another one."""
        age = asyncio.get_running_loop().time() - self._began
        return age > self._limits.lifetime_seconds / 2 or self._received > self._limits.received_bytes / 2

    def abort(self) -> None:
        """End it at once, whatever is under way."""
        self.close_timers()
        self._listener.forget(self)
        if self._transport is not None:
            self._transport.abort()
        elif self.task is not None:
            self.task.cancel()

    def close_timers(self) -> None:
        self._lifetime.cancel()
        self._opening.cancel()

    def _expire_opening(self) -> None:
        """Its time is over, unless it was we who had no time: cut off by hundreds, they would all come back at once."""
        if not self.is_opening:
            return
        loop = asyncio.get_running_loop()
        if loop.time() - self._opening.when() > BUSY_PART * self._limits.opening_seconds:
            self._opening = loop.call_later(self._limits.opening_seconds, self._expire_opening)
        else:
            self.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        _CURRENT.set(self)  # aiohttp starts the handler's task in this context
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > self._limits.received_bytes:
            self.abort()
        else:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self.close_timers()
        self._listener.forget(self)
        self._inner.connection_lost(exc)


_CURRENT: contextvars.ContextVar[_Connection | None] = contextvars.ContextVar("connection", default=None)


@web.middleware
async def one_request(request: web.Request, handler: Callable[[web.Request], object]) -> web.StreamResponse:
    """The middleware of every application behind a listener: the request is complete, and it is the only one."""
    connection = _CURRENT.get()
    if connection is not None:
        connection.serve()
    try:
        response = await cast("Callable[..., asyncio.Future[web.StreamResponse]]", handler)(request)
    except web.HTTPException as error:
        error.force_close()
        raise
    response.force_close()
    return response


@web.middleware
async def several_requests(request: web.Request, handler: Callable[[web.Request], object]) -> web.StreamResponse:
    """The same where everybody shows a certificate and comes back every other second: a handshake costs more than an
    answer. The connection ends in good order long before its time is over.
    """
    connection = _CURRENT.get()
    if connection is not None:
        connection.serve()
    response = await cast("Callable[..., asyncio.Future[web.StreamResponse]]", handler)(request)
    if connection is None or connection.is_worn:
        response.force_close()
    return response


class Listener:
    """A TLS socket in front of an application."""

    def __init__(self, application: web.Application, tls: ssl.SSLContext, limits: Limits) -> None:
        # The handler ends with its client: nothing is done for somebody who has hung up.
        self._runner = web.AppRunner(
            application,
            access_log=None,
            handler_cancellation=True,
            keepalive_timeout=limits.opening_seconds,
            lingering_time=0.0,
            shutdown_timeout=3.0,
        )
        self._tls, self._limits = tls, limits
        self._socket: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        # by age: dictionaries keep their order
        self._opening: dict[_Connection, None] = {}
        self._serving: dict[_Connection, None] = {}
        self._by_address: Counter[str] = Counter()

    @property
    def port(self) -> int:
        """The TCP port, once it is open."""
        assert self._socket is not None  # noqa: S101 - see start
        return cast("int", self._socket.getsockname()[1])

    async def start(self, host: str, port: int) -> None:
        """Accept connections. Raises OSError where the address is taken."""
        asyncio.sslproto.SSLProtocol.max_size = TLS_BUFFER_BYTES
        await self._runner.setup()
        self._socket = socket.create_server((host, port), backlog=BACKLOG, reuse_port=False)
        self._socket.setblocking(False)
        self._accepting = asyncio.create_task(self._accept())

    async def close(self) -> None:
        """Accept nobody any more, let requests under way end for a moment, then end everything."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.wait([self._accepting])
        if self._socket is not None:
            self._socket.close()
        for connection in list(self._opening):
            connection.abort()
        await self._runner.cleanup()
        for connection in list(self._serving):
            connection.abort()

    def moved(self, connection: _Connection) -> None:
        """A connection has sent its request."""
        if self._opening.pop(connection, 0) is None:
            self._serving[connection] = None

    def forget(self, connection: _Connection) -> None:
        """A connection is gone."""
        if self._opening.pop(connection, 0) is None or self._serving.pop(connection, 0) is None:
            self._by_address[connection.address] -= 1
            if self._by_address[connection.address] <= 0:
                del self._by_address[connection.address]

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        assert self._socket is not None  # noqa: S101 - see start
        while True:
            try:
                accepted, peer = await loop.sock_accept(self._socket)
            except OSError as error:
                log("connection not accepted", error=error.strerror)
                await asyncio.sleep(ACCEPT_PAUSE_SECONDS)
                continue
            if not self._make_room(str(peer[0])):
                accepted.close()
                continue
            connection = _Connection(self, str(peer[0]), self._inner(), self._limits)
            self._opening[connection] = None
            self._by_address[connection.address] += 1
            connection.task = asyncio.create_task(self._shake_hands(connection, accepted))

    def _inner(self) -> asyncio.Protocol:
        assert self._runner.server is not None  # noqa: S101 - see start
        return self._runner.server()

    async def _shake_hands(self, connection: _Connection, accepted: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection, accepted, ssl=self._tls, ssl_handshake_timeout=self._limits.lifetime_seconds,
                ssl_shutdown_timeout=TLS_SHUTDOWN_SECONDS,
            )  # fmt: skip
        except (OSError, asyncio.CancelledError):  # TLS errors and timeouts are OSErrors
            connection.close_timers()
            self.forget(connection)
            accepted.close()

    def _make_room(self, address: str) -> bool:
        """Whether one more connection may come, after the one that has been silent for longest has made room."""
        if self._by_address[address] >= self._limits.of_an_address:
            silent = next((connection for connection in self._opening if connection.address == address), None)
        elif len(self._opening) + len(self._serving) >= self._limits.connections:
            crowd = Counter(connection.address for connection in self._opening)
            most = max(crowd, key=crowd.__getitem__, default="")
            silent = next((connection for connection in self._opening if connection.address == most), None)
        else:
            return True
        if silent is None:
            return False
        silent.abort()
        return True
