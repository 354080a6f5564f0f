"""How every door says no: a status, a reason for machines, a message for people, and when to come back."""

import json
import math
from typing import Final

from aiohttp import web

REQUEST_LIMIT_BYTES: Final = 4096  # nobody has to send us a body
LONGEST_RETRY_SECONDS: Final = 120.0  # that a pod is sent away for: who asks again too early costs little


def problem(status: int, reason: str, message: str, *, retry_after: float | None = None) -> web.Response:
    """An answer that is no success; `retry_after` in seconds."""
    wait = None if retry_after is None else max(1, math.ceil(min(retry_after, LONGEST_RETRY_SECONDS)))
    headers = {} if wait is None else {"Retry-After": str(wait)}
    text = json.dumps({"reason": reason, "message": message})
    return web.Response(status=status, text=text, content_type="application/json", headers=headers)
