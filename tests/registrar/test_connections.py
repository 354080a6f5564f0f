"""The bounds of a listener, each by itself: who makes room for whom, what ends a connection, and what does not."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web

from registrar.listener import Limits, Listener, one_request, several_requests
from registrar.service import server_tls
from tests.registrar.conftest import PATIENCE_SECONDS, World, certificate, until

REQUEST = b"GET / HTTP/1.1\r\nHost: registrar\r\n\r\n"


class Served:
    """The application behind a listener: `/slow` waits for `go_on`."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.waiting = self.cancelled = 0

    def application(self, middleware: Callable[..., object]) -> web.Application:
        application = web.Application(middlewares=[middleware])  # type: ignore[list-item]
        application.router.add_get("/", self._answer)
        application.router.add_get("/slow", self._answer_later)
        return application

    async def _answer(self, request: web.Request) -> web.Response:
        return web.Response(text="served")

    async def _answer_later(self, request: web.Request) -> web.Response:
        self.waiting += 1
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.waiting -= 1
        return web.Response(text="served")


class Client:
    """A connection with its handshake behind it, and silent until it is told to ask."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        with suppress(OSError):
            self.writer.write(data)
            await self.writer.drain()

    async def ask(self, data: bytes = REQUEST) -> str:
        """Everything until the connection ends; "" where it was cut off."""
        await self.send(data)
        return await self.rest()

    async def answer(self) -> str:
        """One answer, whether the connection goes on or not."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return (await self.reader.readuntil(b"served")).decode()

    async def rest(self) -> str:
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                return (await self.reader.read()).decode()
            except OSError:
                return ""

    def hang_up(self) -> None:
        self.writer.transport.abort()


class Door:
    """A listener and its clients, which come from addresses of their own: 127.0.3.N."""

    def __init__(self, listener: Listener, served: Served) -> None:
        self.listener, self.served = listener, served
        self.clients: list[Client] = []

    async def connect(self, host: int = 1) -> Client:
        """Raises OSError where the connection is refused."""
        trust = ssl.create_default_context()
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        client = Client(
            *await asyncio.open_connection(
                "127.0.0.1", self.listener.port, ssl=trust, local_addr=(f"127.0.3.{host}", 0)
            )
        )
        self.clients.append(client)
        return client

    async def lets_in(self, host: int) -> bool:
        """Whether one more comes through the handshake."""
        try:
            await self.connect(host)
        except OSError:
            return False
        return True


@asynccontextmanager
async def door(middleware: Callable[..., object] = one_request, **limits: float) -> AsyncIterator[Door]:
    served = Served()
    bounds = {"connections": 8, "of_an_address": 8, "opening_seconds": PATIENCE_SECONDS, "lifetime_seconds": 600.0}
    listener = Listener(
        served.application(middleware), server_tls(*certificate()),
        Limits(**{**bounds, **limits}),  # type: ignore[arg-type]
    )  # fmt: skip
    await listener.start("127.0.0.1", 0)
    it = Door(listener, served)
    try:
        yield it
    finally:
        served.go_on.set()
        await listener.close()
        for client in it.clients:
            client.hang_up()


async def test_a_full_address_makes_room_by_the_connection_that_was_silent_for_longest() -> None:
    async with door(of_an_address=2) as at:
        first, second = await at.connect(), await at.connect()
        neighbour = await at.connect(2)
        third = await at.connect()
        assert "served" in await third.ask()
        assert await first.ask() == ""
        assert "served" in await second.ask()
        assert "served" in await neighbour.ask()


async def test_a_full_house_makes_room_at_the_address_that_has_most() -> None:
    async with door(connections=3) as at:
        alone, *crowd = [await at.connect(host) for host in (1, 2, 2)]
        newcomer = await at.connect(3)
        assert "served" in await newcomer.ask()
        assert await crowd[0].ask() == ""
        assert "served" in await crowd[1].ask()
        assert "served" in await alone.ask()


async def test_who_is_served_is_not_cut_off_for_who_comes() -> None:
    async with door(connections=1) as at:
        client = await at.connect()
        await client.send(REQUEST.replace(b"/", b"/slow", 1))
        await until(lambda: at.served.waiting)
        assert not await at.lets_in(2)
        at.served.go_on.set()
        assert "served" in await client.rest()
        await until(lambda: not at.listener._serving)
        assert "served" in await (await at.connect(2)).ask()


@pytest.mark.parametrize("how", ["served", "hung up", "no handshake"])
async def test_a_connection_that_ended_leaves_its_place(how: str) -> None:
    async with door(connections=1, of_an_address=1) as at:
        for _ in range(3):
            if how == "no handshake":
                _, writer = await asyncio.open_connection("127.0.0.1", at.listener.port, local_addr=("127.0.3.1", 0))
                writer.write(b"no TLS at all")
                writer.transport.close()
            else:
                client = await at.connect()
                assert how != "served" or "served" in await client.ask()
                client.hang_up()
            await until(lambda: not at.listener._by_address)
        assert not at.listener._opening
        assert not at.listener._serving


async def test_a_connection_lasts_no_longer_than_it_may_and_what_it_asked_for_ends_with_it() -> None:
    async with door(lifetime_seconds=2.0) as at:
        client = await at.connect()
        assert await client.ask(REQUEST.replace(b"/", b"/slow", 1)) == ""
        await until(lambda: at.served.cancelled)


async def test_what_was_asked_for_ends_with_whoever_hangs_up() -> None:
    async with door() as at:
        client = await at.connect()
        await client.send(REQUEST.replace(b"/", b"/slow", 1))
        await until(lambda: at.served.waiting)
        client.hang_up()
        await until(lambda: at.served.cancelled)


@pytest.mark.parametrize(("more", "is_served"), [(0, True), (1, False)])
async def test_a_connection_sends_no_more_than_it_may(more: int, is_served: bool) -> None:
    limit = 2000
    async with door(received_bytes=limit) as at:
        start = REQUEST[:-2] + b"X: "
        padding = b"a" * (limit + more - len(start) - 4)
        assert ("served" in await (await at.connect()).ask(start + padding + b"\r\n\r\n")) is is_served


async def test_a_connection_serves_one_request() -> None:
    async with door() as at:
        answers = await (await at.connect()).ask(REQUEST * 3)
        assert answers.count("served") == 1
        assert "Connection: close" in answers
        assert "Connection: close" in await (await at.connect()).ask(REQUEST.replace(b"/", b"/nowhere", 1))


async def test_where_everybody_shows_a_certificate_a_connection_serves_several_until_it_is_worn() -> None:
    async with door(several_requests, received_bytes=10 * len(REQUEST)) as at:
        client = await at.connect()
        answers = list[str]()
        while not answers or "Connection: close" not in answers[-1]:
            await client.send(REQUEST)
            answers.append(await client.answer())
        assert len(answers) == 6
        assert await client.rest() == ""


async def test_a_connection_is_worn_when_half_of_its_time_is_over() -> None:
    async with door(several_requests, lifetime_seconds=60.0) as at:
        client = await at.connect()
        await client.send(REQUEST)
        assert "Connection: close" not in await client.answer()
        (connection,) = at.listener._serving
        connection._began -= 29.0
        assert not connection.is_worn
        connection._began -= 1.1
        await client.send(REQUEST)
        assert "Connection: close" in await client.answer()


async def test_a_connection_between_two_requests_stays_no_longer_than_one_before_its_first() -> None:
    async with door(several_requests, opening_seconds=1.0) as at:
        client = await at.connect()
        await client.send(REQUEST)
        assert "served" in await client.answer()
        assert await client.rest() == ""


async def test_a_listener_that_closes_answers_who_was_heard_and_nobody_else() -> None:
    async with door() as at:
        client, silent = await at.connect(), await at.connect()
        await client.send(REQUEST.replace(b"/", b"/slow", 1))
        await until(lambda: at.served.waiting)
        closing = asyncio.create_task(at.listener.close())
        assert await silent.rest() == ""
        assert not await at.lets_in(2)
        at.served.go_on.set()
        assert "served" in await client.rest()
        await closing
        assert not at.listener._opening
        assert not at.listener._serving


async def test_a_listener_that_closes_ends_those_that_have_not_said_anything() -> None:
    async with door() as it:
        reader, writer = await asyncio.open_connection("127.0.0.1", it.listener.port)
        await until(lambda: len(it.listener._opening) == 1)
        await it.listener.close()
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), PATIENCE_SECONDS / 4) == b""
        assert not it.listener._opening
        writer.close()


async def test_no_ticket_is_given_for_a_session_that_nobody_takes_up_again(world: World) -> None:
    """Each would be made, sent and, by an old client, kept on our side."""
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    port = int(world.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: registrar\r\n\r\n")
    assert b"ok" in await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
    session = writer.get_extra_info("ssl_object").session
    writer.close()
    assert not session.has_ticket
