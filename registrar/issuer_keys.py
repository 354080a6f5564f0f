"""Fetches the cluster's issuer name and public keys from its API server, and keeps them for a while."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx2
import jwt
from lightkube import SingleConfig
from lightkube.config import client_adapter

from registrar.identity import Issuer

KEEP_SECONDS = 300.0
# An unknown key may be a new one, but whoever sends forged tokens must not make us ask the API server for each.
ASK_AGAIN_SECONDS = 2.0


class IssuerKeysUnreachableError(Exception):
    """The API server did not give its keys: nobody can be told from anybody else now."""


class IssuerKeys:
    """The cluster's keys; every ServiceAccount may read them (ClusterRole system:service-account-issuer-discovery)."""

    def __init__(self, config: SingleConfig, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client_adapter.AsyncClient(
            config, client_adapter.ConnectionParams(timeout=httpx2.Timeout(10.0), trust_env=False)
        )
        self._clock = clock
        self._issuer: Issuer | None = None
        self._fetched = self._asked = float("-inf")
        self._fetching: asyncio.Task[Issuer] | None = None

    def learn(self) -> None:
        """Begin to ask for the keys: who comes first need not wait for them."""
        if self._fetching is None:
            self._begin()

    async def issuer(self, key_id: str) -> Issuer:
        """The issuer, asked afresh where it is old or does not have the key. Raises IssuerKeysUnreachableError.

        That the key was not looked for, because somebody asked a moment ago, is no answer either: it may be new. Who
        waits for the same answer goes on in the order in which they came.
        """
        asked = self._clock()
        known = self._issuer if self._issuer is not None and key_id in self._issuer.keys else None
        if known is not None and asked - self._fetched < KEEP_SECONDS:
            return known
        try:
            issuer = await self._ask(asked)
            if key_id not in issuer.keys and self._fetched < asked:
                issuer = await self._ask(asked)  # it may be newer than the question that this request joined
        except IssuerKeysUnreachableError:
            # keys that were good a moment ago still are: the API server may just be restarting
            if known is None:
                raise
            return known
        return issuer

    async def _ask(self, asked: float) -> Issuer:
        """The answer to the question that goes on, or to a new one."""
        if self._fetching is None:
            if asked - self._asked < ASK_AGAIN_SECONDS:
                raise IssuerKeysUnreachableError("the token's key is not known yet; keys were asked for a moment ago")
            self._asked = self._clock()
            self._begin()
        assert self._fetching is not None  # noqa: S101 - it has just begun
        return await asyncio.shield(self._fetching)

    def _begin(self) -> None:
        self._fetching = asyncio.create_task(self._refresh(self._clock()))
        self._fetching.add_done_callback(self._end)

    def _end(self, fetching: "asyncio.Task[Issuer]") -> None:
        self._fetching = None
        if not fetching.cancelled():
            fetching.exception()  # whoever waited for it was told; where nobody did, somebody asks again

    async def _refresh(self, began: float) -> Issuer:
        try:
            self._issuer = await self._fetch()
        except (httpx2.HTTPError, ValueError, KeyError, TypeError, RecursionError, jwt.PyJWTError) as error:
            raise IssuerKeysUnreachableError(f"the API server gives no keys: {type(error).__name__}") from error
        self._fetched = began
        return self._issuer

    async def _fetch(self) -> Issuer:
        name = str((await self._get("/.well-known/openid-configuration"))["issuer"])
        keys = {}
        for entry in (await self._get("/openid/v1/jwks"))["keys"]:
            key = jwt.PyJWK(entry)
            if key.key_id:
                keys[key.key_id] = key
        return Issuer(name=name, keys=keys)

    async def _get(self, path: str) -> Any:
        response = await self._client.get(path)
        response.raise_for_status()
        return response.json()

    async def close(self) -> None:
        """Give connections back."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])
        await self._client.aclose()
