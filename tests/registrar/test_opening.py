"""How long a connection may take until its request is there, and who pays where the registrar itself is slow."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from registrar.listener import Limits, Listener
from registrar.service import server_tls
from tests.registrar.conftest import certificate, until

OPENING_SECONDS = 1.5


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    application = web.Application()
    application.router.add_get("/", _answer)
    limits = Limits(connections=8, of_an_address=8, opening_seconds=OPENING_SECONDS)
    it = Listener(application, server_tls(*certificate()), limits)
    await it.start("127.0.0.1", 0)
    yield it
    await it.close()


async def _answer(request: web.Request) -> web.Response:
    return web.Response(text="served")


def ask(connection: socket.socket) -> str:
    """TLS and a request on a connection that was silent so far; "" where it was cut off."""
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    try:
        with trust.wrap_socket(connection) as secured:
            secured.sendall(b"GET / HTTP/1.1\r\nHost: registrar\r\n\r\n")
            return secured.recv(4096).decode()
    except OSError:
        return ""


async def test_who_waits_because_the_registrar_is_busy_is_served(listener: Listener) -> None:
    connection = await asyncio.to_thread(socket.create_connection, ("127.0.0.1", listener.port), 10)
    await until(lambda: listener._opening)
    time.sleep(2.0)  # nobody is heard meanwhile: that is the point
    assert "served" in await asyncio.to_thread(ask, connection)


async def test_who_stays_silent_is_cut_off(listener: Listener) -> None:
    connection = await asyncio.to_thread(socket.create_connection, ("127.0.0.1", listener.port), 60)
    await until(lambda: listener._opening)
    await until(lambda: not listener._opening)
    assert await asyncio.to_thread(ask, connection) == ""
