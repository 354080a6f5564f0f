"""Lines of a stream that comes in chunks, as a watch of the API server does: a line is what ends with a line feed.

U+0085 and its like end none, which str.splitlines() takes for ends: they stand in the middle of what somebody wrote.
"""

from collections.abc import Iterator


class Lines:
    """Takes chunks, and gives each line once it is whole."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def of(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that end in this chunk."""
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            yield b"".join((*self._parts, line))
            self._parts.clear()
        self._parts.append(rest)

    def rest(self) -> bytes:
        """What came after the last line feed."""
        return b"".join(self._parts)
