"""python -m tests.scale.pollers: asks a registrar for the queue as autoscalers do; prints how long each answer took.

A process of its own, so that what it measures is the registrar and not the stand-ins beside it. A line of JSON on the
standard input: {"queue", "status": URLs, "pools": [[namespace, name] …], "certificates": {namespace: folder},
"seconds"}. KEDA asks every two seconds for each pool, on a connection of its own that it keeps for as long as it may;
Kubernetes' autoscaler asks through KEDA every 15 seconds, here on a new one, and Prometheus reads the metrics as often.
"""

import asyncio
import json
import ssl
import sys
import time
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from components.pools.scaled_object import POLLING_SECONDS

HORIZONTAL_SECONDS = 15.0
SCRAPE_SECONDS = 15.0
GIVE_UP_SECONDS = 3.0  # KEDA's


def trusting(folder: Path | None = None) -> ssl.SSLContext:
    """TLS that trusts whom it reaches, and shows the certificate of that folder."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if folder is not None:
        context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    return context


class Pollers:
    """`answers`: when each was asked for (seconds from the beginning), the milliseconds it took with connection and
    handshake, and why there was none, "" for status 200.
    """

    def __init__(self, order: dict[str, Any]) -> None:
        self._order = order
        self._began = time.monotonic()
        self.answers: list[tuple[float, float, str]] = []

    async def run(self) -> None:
        """For as long as was ordered."""
        work = [self._scrape()]
        for number, (namespace, name) in enumerate(self._order["pools"]):
            url = f"{self._order['queue']}/queue/{namespace}/{name}"
            tls = trusting(Path(self._order["certificates"][namespace]))
            part = number / len(self._order["pools"])
            work += [self._poll(url, tls, every, part * every) for every in (POLLING_SECONDS, HORIZONTAL_SECONDS)]
        tasks = [asyncio.create_task(part) for part in work]
        await asyncio.wait(tasks, timeout=self._order["seconds"], return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _poll(self, url: str, tls: ssl.SSLContext, every: float, after: float) -> None:
        await asyncio.sleep(after)
        connector = TCPConnector(ssl=tls, limit=1)
        async with ClientSession(connector=connector, timeout=ClientTimeout(total=GIVE_UP_SECONDS)) as http:
            while True:
                began, why = time.monotonic(), ""
                try:
                    async with http.get(url) as response:
                        text = await response.text()
                        if response.status != 200:
                            why = f"{response.status}: {text}"
                except (ClientError, TimeoutError) as error:
                    why = type(error).__name__
                took = time.monotonic() - began
                self.answers.append((began - self._began, 1000 * took, why))
                await asyncio.sleep(max(0.0, every - took))

    async def _scrape(self) -> None:
        async with ClientSession(connector=TCPConnector(ssl=trusting(), force_close=True)) as http:
            while True:
                async with http.get(f"{self._order['status']}/metrics") as response:
                    await response.read()
                await asyncio.sleep(SCRAPE_SECONDS)


def main() -> int:
    """0, with one line of JSON."""
    pollers = Pollers(json.loads(sys.stdin.readline()))
    asyncio.run(pollers.run())
    print(json.dumps(pollers.answers))
    return 0


if __name__ == "__main__":
    sys.exit(main())
