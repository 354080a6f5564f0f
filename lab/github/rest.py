"""What every REST route shares: the door (token, permission, limits), conditional answers and pages."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from lab.github.credentials import Credentials, Token, check_scope
from lab.github.limits import Meter
from lab.github.world import Refusal, World

API = "/api/v3"
DOCUMENTATION = "https://docs.github.com/rest"
MOST_PER_PAGE = 100


@dataclass(frozen=True)
class Asked:
    """A request that was let in. `scope` is `owner/repository`, `owner` or "" as the path says."""

    request: web.Request
    scope: str
    token: Token

    async def body(self) -> dict[str, Any]:
        """The JSON object that came with it. Raises Refusal 400."""
        text = await self.request.text()
        try:
            document = json.loads(text or "{}")
        except ValueError:
            raise Refusal(400, "Problems parsing JSON") from None
        if not isinstance(document, dict):
            raise Refusal(400, "Body should be a JSON object")
        return document

    def number(self, name: str) -> int:
        """A number in the path. Raises Refusal 404 where it is none."""
        text = self.request.match_info[name]
        if not text.isdecimal():
            raise Refusal(404, "Not Found")
        return int(text)


Handler = Callable[[Asked], Awaitable[web.Response]]


class Door:
    """Wraps handlers: who asks, whether they may, and whether they still have budget."""

    def __init__(self, world: World, credentials: Credentials, meter: Meter) -> None:
        self._world, self._credentials, self._meter = world, credentials, meter

    def route(self, method: str, path: str, handler: Handler, permission: str, level: str = "") -> web.RouteDef:
        """`permission` is what an installation needs; reading needs `read`, everything else `write`, unless named."""
        level = level or ("read" if method == "GET" else "write")

        async def guarded(request: web.Request) -> web.Response:
            token = self._credentials.bearer(request.headers.get("Authorization", ""))
            scope = self._scope(request)
            excess = self._meter.excess(token.owner, write=method != "GET")
            if excess is not None:
                answer = refusal(403, excess.message)
                if excess.retry_after is not None:
                    answer.headers["retry-after"] = str(excess.retry_after)
                answer.headers.update(self._meter.headers(token.owner))
                return answer
            try:
                check_scope(token, scope, permission, level)
                if "/" in scope:
                    self._world.repository(scope)
                answer = conditional(request, await handler(Asked(request, scope, token)), token.value)
            except Refusal as why:
                answer = refusal(why.status, str(why))
                answer.headers["X-Accepted-GitHub-Permissions"] = f"{permission}={level}"
            if answer.status == 304:
                self._meter.free(token.owner)
            answer.headers.update(self._meter.headers(token.owner))
            if token.scopes is not None:
                answer.headers["X-OAuth-Scopes"] = token.scopes
            return answer

        return web.route(method, f"{API}{path}", guarded)

    def _scope(self, request: web.Request) -> str:
        parts = request.match_info
        if "repository_id" in parts:
            return self._world.repository_by_id(parts["repository_id"]).full_name
        return f"{parts['owner']}/{parts['repo']}" if "repo" in parts else parts.get("org", "")


def refusal(status: int, message: str) -> web.Response:
    """An error as the API writes it."""
    return web.json_response(
        {"message": message, "documentation_url": DOCUMENTATION, "status": str(status)}, status=status
    )


def conditional(request: web.Request, answer: web.Response, token: str) -> web.Response:
    """Adds the answer's ETag; 304 without a body where the client has it already. It is good for this token alone."""
    if request.method != "GET" or answer.status != 200 or not isinstance(answer.body, bytes):
        return answer
    etag = f'W/"{hashlib.sha256(token.encode() + b" " + answer.body).hexdigest()}"'
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")}
    if etag.removeprefix("W/") in known:
        answer = web.Response(status=304)
    answer.headers["ETag"] = etag
    return answer


def page(
    asked: Asked, key: str | None, entries: Sequence[object], *, more: Mapping[str, object] | None = None
) -> web.Response:
    """One page of a list, with the links to its neighbours; without a key the list alone, else with `more` beside."""
    request = asked.request
    size = max(1, min(MOST_PER_PAGE, _whole(request.query.get("per_page"), 30)))
    number = max(1, _whole(request.query.get("page"), 1))
    last = max(1, -(-len(entries) // size))
    part = entries[(number - 1) * size : number * size]
    answer = web.json_response(part if key is None else {"total_count": len(entries), **(more or {}), key: part})
    wanted = {"prev": number - 1, "next": number + 1, "first": 1, "last": last}
    links = [
        f'<{request.url.update_query(page=str(target), per_page=str(size))}>; rel="{name}"'
        for name, target in wanted.items()
        if 1 <= target <= last and (name in ("prev", "next") or last > 1) and target != number
    ]
    if links:
        answer.headers["Link"] = ", ".join(links)
    return answer


def _whole(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isdecimal() else otherwise


def required(body: dict[str, Any], /, **kinds: type) -> None:
    """Raises Refusal 422 where a field is missing or is not of its type."""
    for name, kind in kinds.items():
        value = body.get(name)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            found = "nothing" if name not in body else json.dumps(value)
            raise Refusal(422, f"Invalid request. For '{name}', {found} is not of the type {kind.__name__}.")


def no_content() -> web.Response:
    """204."""
    return web.Response(status=204)
