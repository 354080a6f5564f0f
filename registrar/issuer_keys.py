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
        self._asking = asyncio.Lock()

    async def issuer(self, key_id: str) -> Issuer:
        """The issuer, asked afresh where it is old or does not have the key. Raises IssuerKeysUnreachableError.

        That the key was not looked for, because somebody asked a moment ago, is no answer either: it may be new.
        """
        asked = self._clock()
        if self._issuer is not None and key_id in self._issuer.keys and asked - self._fetched < KEEP_SECONDS:
            return self._issuer
        async with self._asking:
            known = self._issuer
            has_key = known is not None and key_id in known.keys
            if known is not None and has_key and self._clock() - self._fetched < KEEP_SECONDS:
                return known
            if known is not None and self._fetched >= asked:
                return known  # fetched while this request waited
            if self._clock() - self._asked < ASK_AGAIN_SECONDS:
                if known is not None and has_key:
                    return known
                raise IssuerKeysUnreachableError("the token's key is not known yet; keys were asked for a moment ago")
            self._asked = self._clock()
            return await self._refresh(known if has_key else None)

    async def _refresh(self, known: Issuer | None) -> Issuer:
        began = self._clock()
        try:
            self._issuer = await self._fetch()
        except (httpx2.HTTPError, ValueError, KeyError, TypeError, RecursionError, jwt.PyJWTError) as error:
            # keys that were good a moment ago still are: the API server may just be restarting
            if known is not None:
                return known
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
        await self._client.aclose()
