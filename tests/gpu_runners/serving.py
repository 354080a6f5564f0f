"""Serves an aiohttp application in a thread and an event loop of its own: what asks it has none."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer


@contextmanager
def serving(application: web.Application, host: str = "localhost") -> Iterator[str]:
    """Its URL without a slash at the end."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = TestServer(application, host=host)
    asyncio.run_coroutine_threadsafe(server.start_server(), loop).result()
    try:
        yield f"http://localhost:{server.port}"
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
