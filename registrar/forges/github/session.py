"""Requests in the name of a scope: the client with the credential that fits, renewed once where it is refused."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from registrar.forges.github.client import Client, GitHubRefusedError
from registrar.forges.github.credentials import Credential
from registrar.forges.github.reading import of
from registrar.untrusted import Entry
from values.scope import Scope

Answer = TypeVar("Answer")


class Session:
    """What the rest of the GitHub forge talks through. Everything raises ForgeError."""

    def __init__(self, client: Client, credential: Credential) -> None:
        self._client, self._credential = client, credential

    async def ask(
        self,
        scope: Scope,
        verb: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        """One request; returns the decoded answer."""
        return await self._with_token(
            scope,
            lambda token: self._client.ask(
                verb, method, path, body, token=token, query=query, lane=self._credential.lane(scope)
            ),
        )

    async def find(self, scope: Scope, verb: str, path: str) -> Entry | None:
        """One thing, None if it does not exist."""
        try:
            answer = await self.ask(scope, verb, "GET", path)
        except GitHubRefusedError as error:
            if error.status == 404:
                return None
            raise
        return of(answer, lambda entry: entry)  # `null` is an answer that cannot be used, and no absence

    async def pages(self, scope: Scope, verb: str, path: str, key: str, **query: str) -> list[Any]:
        """All entries under `key` of a paged list."""
        return await self._with_token(
            scope,
            lambda token: self._client.pages(
                verb, path, key, token=token, query=query, lane=self._credential.lane(scope)
            ),
        )

    async def _with_token(self, scope: Scope, send: Callable[[str], Awaitable[Answer]]) -> Answer:
        token = await self._credential.token(scope)
        try:
            return await send(token)
        except GitHubRefusedError as error:
            if error.status != 401 or not self._credential.refused(scope, token):
                raise
        return await send(await self._credential.token(scope))

    async def close(self) -> None:
        """Give connections back."""
        await self._client.close()
