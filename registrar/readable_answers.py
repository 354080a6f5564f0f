"""ReadableAnswers: the API server's answers without what anybody may write into an object and the client cannot read.

Two things, both in the JSON of Kubernetes as it should be. httpx2 takes characters such as U+0085 for the end of a
line, though they stand in the middle of an annotation or of a container's last words, and a watch is read line by line.
And `managedFields`, which every client may write, may nest deeper than Python reads: then nothing of a whole list is.
"""

import re
from collections.abc import AsyncIterator
from typing import Final

import httpx2
import msgspec

from values.lines import Lines
from values.managed_fields import without_managed_fields

# What ends a line for str.splitlines() and stands in a string of JSON as it is (RFC 8259 lets control characters below
# U+0020 not); with the escape that means the same.
_ENDS: Final = {"\x85".encode(): b"\\u0085", "\u2028".encode(): b"\\u2028", "\u2029".encode(): b"\\u2029"}
_END: Final = re.compile(b"|".join(map(re.escape, _ENDS)))


class ReadableAnswers(httpx2.AsyncBaseTransport):
    """Sends requests as `inner` does."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inner.handle_async_request(request)
        if response.status_code not in (200, 201):
            return response
        if request.url.params.get("watch") == "true" and "content-encoding" not in response.headers:
            assert isinstance(response.stream, httpx2.AsyncByteStream)  # noqa: S101 - of an asynchronous transport
            response.stream = _Lines(response.stream)
            return response
        body = readable(await response.aread())
        kind = {"content-type": response.headers.get("content-type", "")}
        return httpx2.Response(response.status_code, headers=kind, content=body, extensions=response.extensions)

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Lines(httpx2.AsyncByteStream):
    """The lines of a watch, each as a whole."""

    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        lines = Lines()
        async for chunk in self._inner:
            for line in lines.of(chunk):
                yield readable(line) + b"\n"
        yield readable(lines.rest())

    async def aclose(self) -> None:
        await self._inner.aclose()


def readable(text: bytes) -> bytes:
    """JSON that means the same and can be read, but for `managedFields` where it nests too deeply."""
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except RecursionError:
        text = without_managed_fields(text)
    except ValueError:
        return text  # no JSON, or a part of it: whoever reads it says so
    return _END.sub(lambda end: _ENDS[end.group()], text)
