"""Requests in the name of a scope: the client with the credential that fits, renewed once where it is refused."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from registrar.forges.github.client import Client, GitHubRefusedError
from registrar.forges.github.credentials import Credential
from registrar.forges.github.reading import of
from registrar.untrusted import Entry
from values.scope import Scope

Answer = TypeVar("Answer")

_ABSENT: Final = object()


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
        answer = await self._find(scope, verb, path)
        # `null` is an answer that cannot be used, and no absence
        return None if answer is _ABSENT else of(answer, lambda entry: entry)

    async def find_list(self, scope: Scope, verb: str, path: str, **query: str) -> list[Entry] | None:
        """A list of things in one answer, None if there is no such list."""
        answer = await self._find(scope, verb, path, **query)
        return None if answer is _ABSENT else of({"list": answer}, lambda entry: entry.entries("list"))

    async def _find(self, scope: Scope, verb: str, path: str, **query: str) -> Any:
        """_ABSENT if it does not exist."""
        try:
            return await self.ask(scope, verb, "GET", path, query=query)
        except GitHubRefusedError as error:
            if error.status == 404:
                return _ABSENT
            raise

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
