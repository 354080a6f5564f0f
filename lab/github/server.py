"""The stand-in as one web application, and what every request passes: clock, faults, the record of exchanges."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.github.app_pages import AppPages
from lab.github.control import Control
from lab.github.credentials import Credentials
from lab.github.faults import Faults
from lab.github.limits import Meter
from lab.github.protocol import Protocol
from lab.github.rest import API, Door, refusal
from lab.github.rest_app import AppRoutes
from lab.github.rest_branches import BranchRoutes
from lab.github.rest_comments import CommentRoutes
from lab.github.rest_people import PeopleRoutes
from lab.github.rest_runners import GroupRoutes, RunnerRoutes
from lab.github.rest_runs import RunRoutes
from lab.github.rest_wiring import WiringRoutes
from lab.github.world import Refusal, World, new_key

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Exchange:
    """A request below /api/v3 and its answer; bodies are parsed JSON, or None. `agent` tells clients apart."""

    method: str
    path: str
    query: dict[str, str]
    agent: str
    request: Any
    status: int
    answer: Any


Observer = Callable[[Exchange], None]


class StandIn:
    """One stand-in for GitHub: its state, its knobs, and the application that serves it."""

    def __init__(
        self,
        base: str = "http://127.0.0.1",
        observe: Observer | None = None,
        new_key: Callable[[], rsa.RSAPrivateKey] = new_key,
    ) -> None:
        self.world = World(base, new_key)
        self.credentials = Credentials(self.world.clock)
        self.meter = Meter(self.world.clock)
        self.faults = Faults()
        self._observe = observe

    def application(self) -> web.Application:
        """A new application over this state."""
        world, door = self.world, Door(self.world, self.credentials, self.meter)
        application = web.Application(middlewares=[self._gate], client_max_size=8 * 1024 * 1024)
        application.add_routes(
            [
                *AppRoutes(world, self.credentials, self.meter).routes(door),
                *RunnerRoutes(world).routes(door),
                *GroupRoutes(world).routes(door),
                *RunRoutes(world).routes(door),
                *BranchRoutes(world).routes(door),
                *CommentRoutes(world).routes(door),
                *WiringRoutes(world).routes(door),
                *PeopleRoutes(world).routes(door),
                *AppPages(world, self.credentials).routes(),
                *Protocol(world).routes(),
                *Control(world, self.credentials, self.meter, self.faults).routes(),
            ]
        )
        return application

    @web.middleware
    async def _gate(self, request: web.Request, handler: Next) -> web.StreamResponse:
        if request.path.startswith("/_lab/"):
            return await _answered(request, handler)
        if request.path.startswith(f"{API}/") and not request.headers.get("User-Agent"):
            return web.Response(status=403, text="Request forbidden by administrative rules: no User-Agent header.\n")
        self.meter.running += 1
        self.meter.most_running = max(self.meter.most_running, self.meter.running)
        try:
            body = await request.read()
            answer = await self._faulty(request, handler)
        finally:
            self.meter.running -= 1
        answer.headers.setdefault("Date", self.world.clock.http_date())
        if self._observe is not None and request.path.startswith(f"{API}/") and "dropped" not in request:
            self._observe(_exchange(request, body, answer))
        return answer

    async def _faulty(self, request: web.Request, handler: Next) -> web.StreamResponse:
        fault = self.faults.take(f"{request.method} {request.path_qs}")
        if fault is None:
            return await _answered(request, handler)
        await asyncio.sleep(fault.delay)
        if fault.late:
            await _answered(request, handler)
        if fault.drop or fault.late:
            assert request.transport is not None  # noqa: S101  there is a connection while a request is handled
            request.transport.abort()
            request["dropped"] = True
            return web.Response(status=500)
        if fault.status is None:
            return await _answered(request, handler)
        answer = refusal(fault.status, fault.message)
        token = self.credentials.find(request.headers.get("Authorization", ""))
        answer.headers.update(self.meter.headers(token.owner) if token else {})
        answer.headers.update(fault.headers)
        return answer


async def _answered(request: web.Request, handler: Next) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as why:
        return refusal(why.status, str(why))
    except web.HTTPFound as redirect:
        return web.Response(status=302, headers={"Location": str(redirect.location)})
    except web.HTTPException as error:
        return refusal(error.status, "Not Found" if error.status == 404 else error.reason)


def _exchange(request: web.Request, body: bytes, answer: web.StreamResponse) -> Exchange:
    content = answer.body if isinstance(answer, web.Response) and isinstance(answer.body, bytes) else b""
    agent = request.headers.get("User-Agent", "")
    return Exchange(
        request.method, request.path, dict(request.query), agent, _json(body), answer.status, _json(content)
    )  # fmt: skip


def _json(data: bytes) -> Any:
    try:
        return json.loads(data) if data else None
    except ValueError:
        return None
