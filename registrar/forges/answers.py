"""Reads an answer's body up to a limit: a forge that goes on and on costs its own answer and no memory."""

from typing import Final

import aiohttp

from registrar.untrusted import MalformedError

# A full page of GitHub's runs is about two megabytes; nothing that is asked for is much longer.
MOST_BYTES: Final = 8 * 2**20
MOST_PAGES: Final = 100  # of one list
LONGEST_WAIT_SECONDS: Final = 300.0  # that a forge in trouble may ask for
CHUNK_BYTES: Final = 2**16


async def read_body(response: aiohttp.ClientResponse, *, most: int = MOST_BYTES) -> bytes:
    """The whole body, decompressed. Raises MalformedError where it is longer."""
    body = bytearray()
    while chunk := await response.content.read(CHUNK_BYTES):
        body += chunk
        if len(body) > most:
            raise MalformedError(f"the answer is longer than {most} bytes")
    return bytes(body)
