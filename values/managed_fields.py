"""JSON of the API server without `managedFields`: who wrote which field, which nobody here asks, and anybody may write.

They may nest deeper than Python reads; then nothing of a whole list would be read.
"""

import re
from typing import Final

_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]', re.DOTALL)
_MANAGED_FIELDS: Final = b'"managedFields"'


def without_managed_fields(text: bytes) -> bytes:
    """JSON whose lists under the key `managedFields` are empty, however deep it is."""
    kept: list[bytes] = []
    start = depth = 0
    key_end, left_out = -1, -1  # where the key was seen last; the depth at which a list of it is left out
    for token in _TOKEN.finditer(text):
        mark = token.group()
        if mark in (b"{", b"["):
            if left_out < 0 and mark == b"[" and key_end >= 0 and text[key_end : token.start()].strip() == b":":
                kept.append(text[start : token.start()])
                left_out = depth
            depth += 1
        elif mark in (b"}", b"]"):
            depth -= 1
            if depth == left_out:
                kept.append(b"[]")
                start, left_out = token.end(), -1
        elif left_out < 0:
            key_end = token.end() if mark == _MANAGED_FIELDS else -1
    return b"".join((*kept, text[start:]))
