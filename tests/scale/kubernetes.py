"""Kubernetes' API as the bench asks it: JSON over one pool of connections."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from tests.scale.control_plane import ControlPlane

Json = dict[str, Any]
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
CONNECTIONS = 32
TRIES = 5
ANSWER_SECONDS = 60.0


class KubernetesRefusedError(Exception):
    """The API server said no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Kubernetes:
    """Belongs to one event loop."""

    def __init__(self, place: ControlPlane) -> None:
        self._base, connector = place.url, TCPConnector(ssl=place.tls(), limit=CONNECTIONS)
        self._http = ClientSession(connector=connector, timeout=ClientTimeout(total=ANSWER_SECONDS))
        self._watching = ClientSession(connector=TCPConnector(ssl=place.tls()), timeout=ClientTimeout(total=None))

    async def close(self) -> None:
        await asyncio.gather(self._http.close(), self._watching.close())

    async def ask(self, method: str, path: str, body: object = None, *, kind: str = "application/json") -> Json:
        """One request, again where the connection broke. Raises KubernetesRefusedError."""
        for left in reversed(range(TRIES)):
            try:
                data = None if body is None else json.dumps(body)
                async with self._http.request(
                    method, f"{self._base}{path}", data=data, headers={"Content-Type": kind}
                ) as response:
                    answer = await response.json(content_type=None)
                    if response.status >= 300:
                        raise KubernetesRefusedError(response.status, str(answer.get("message", "")))
                    return dict(answer)
            except (ClientError, TimeoutError):
                if not left:
                    raise
                await asyncio.sleep(0.2)
        raise AssertionError("unreachable")

    async def create(self, path: str, body: Mapping[str, Any]) -> Json:
        return await self.ask("POST", path, body)

    async def patch_status(self, path: str, status: Json, annotations: Mapping[str, str] | None = None) -> Json:
        """Merges conditions by their type."""
        body: Json = {"status": status}
        if annotations:
            body["metadata"] = {"annotations": dict(annotations)}
        return await self.ask("PATCH", f"{path}/status", body, kind=STRATEGIC)

    async def delete_now(self, path: str) -> None:
        """As a kubelet whose containers have ended; one that is gone is no error."""
        try:
            await self.ask("DELETE", path, {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0})
        except KubernetesRefusedError as error:
            if error.status != 404:
                raise

    async def watch(self, path: str, query: str) -> AsyncIterator[tuple[str, Json]]:
        """What is there and every change from then on, through ended watches: (ADDED, MODIFIED or DELETED, object)."""
        while True:
            listed = await self.ask("GET", f"{path}?{query}")
            for item in listed["items"]:
                yield "ADDED", item
            version = listed["metadata"]["resourceVersion"]
            url = f"{self._base}{path}?{query}&watch=true&resourceVersion={version}"
            try:
                async with self._watching.get(url, read_bufsize=2**20) as response:
                    async for line in response.content:
                        event = json.loads(line)
                        if event["type"] not in ("ADDED", "MODIFIED", "DELETED"):
                            break
                        yield event["type"], event["object"]
            except (ClientError, TimeoutError):
                await asyncio.sleep(0.2)
