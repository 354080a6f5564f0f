"""What authorizes requests to GitHub: an access token, or an App that mints narrow tokens of one hour."""

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

import jwt as pyjwt
from gidgethub import apps

from registrar.forges.forge import ForgeRefusedError
from registrar.forges.github.client import Client, GitHubRefusedError
from registrar.forges.github.reading import moment, of
from values import contract
from values.github import registrar_permissions
from values.scope import Scope

RENEW_SECONDS: Final = 300.0  # before the end of a token: no request may meet it
LIFE_SECONDS: Final = 3600.0


class Credential(Protocol):
    """Gives tokens for scopes; raises ForgeError where it cannot."""

    async def token(self, scope: Scope) -> str:
        """A token that is valid now."""

    def lane(self, scope: Scope) -> str:
        """Whose limits requests for this scope count against."""

    def refused(self, scope: Scope, token: str) -> bool:
        """GitHub did not accept this token. Returns whether another one may be tried."""


class AccessToken:
    """A personal access token, fine-grained or classic: one for all scopes, read again for each request."""

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read

    async def token(self, scope: Scope) -> str:
        del scope
        return self._read()

    def lane(self, scope: Scope) -> str:
        del scope
        return ""

    def refused(self, scope: Scope, token: str) -> bool:
        del scope
        return self._read() != token  # it was rotated meanwhile


@dataclass(frozen=True, kw_only=True)
class _Token:
    value: str
    renew_at: float

    def __repr__(self) -> str:
        return f"_Token(renew_at={self.renew_at})"


class App:
    """A GitHub App. Its key signs for nothing but the tokens, each narrowed to its scope and to what we call."""

    def __init__(
        self,
        client: Client,
        *,
        app_id: str,
        read_key: Callable[[], str],
        installation_id: str = "",
        reruns: Collection[Scope] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`reruns`: the scopes whose lost jobs are run again."""
        self._reruns = frozenset(reruns)
        self._client, self._app_id, self._read_key, self._clock = client, app_id, read_key, clock
        self._installation = installation_id
        self._tokens: dict[Scope, _Token] = {}
        self._minting: dict[Scope, asyncio.Lock] = {}

    async def token(self, scope: Scope) -> str:
        async with self._minting.setdefault(scope, asyncio.Lock()):
            held = self._tokens.get(scope)
            if held is None or self._clock() >= held.renew_at:
                held = self._tokens[scope] = await self._mint(scope)
            return held.value

    def lane(self, scope: Scope) -> str:
        return "" if self._installation else scope.owner.lower()  # an owner has one installation

    def refused(self, scope: Scope, token: str) -> bool:
        held = self._tokens.get(scope)
        if held is not None and held.value == token:
            del self._tokens[scope]
        return True

    async def _mint(self, scope: Scope) -> _Token:
        jwt = self._sign()
        installation = self._installation or str(of(await self._find(scope, jwt), lambda entry: entry.identifier("id")))
        request: dict[str, Any] = {"permissions": self._permissions(scope)}
        if scope.is_repository:
            request["repositories"] = [scope.repository]
        try:
            answer = await self._client.ask(
                "token",
                "POST",
                f"/app/installations/{installation}/access_tokens",
                request,
                jwt=jwt,
                lane=self.lane(scope),
            )
        except GitHubRefusedError as error:
            raise self._not_minted(error, scope, installation) from error
        token, ends = of(answer, lambda entry: (entry.text("token"), moment(entry.words("expires_at", most=40))))
        life = LIFE_SECONDS if ends is None else min((ends - datetime.now(UTC)).total_seconds(), LIFE_SECONDS)
        return _Token(value=token, renew_at=self._clock() + max(0.0, life - RENEW_SECONDS))

    def _permissions(self, scope: Scope) -> dict[str, str]:
        return registrar_permissions(scope, reruns=scope in self._reruns)

    async def _find(self, scope: Scope, jwt: str) -> Any:
        try:
            lane = self.lane(scope)
            return await self._client.ask("installation", "GET", scope.installation_path, jwt=jwt, lane=lane)
        except GitHubRefusedError as error:
            if error.status != 404:
                raise
            cure = f"install it on {scope}, or correct the scope or githubApp.appId"
            message = f"the GitHub App {self._app_id} is not installed on {scope} (404); {cure}"
            raise ForgeRefusedError(message, retry_after=error.retry_after) from error

    def _sign(self) -> str:
        try:
            return apps.get_jwt(app_id=self._app_id, private_key=self._read_key(), expiration=9 * 60)
        except (TypeError, ValueError, pyjwt.PyJWTError) as error:  # whose words are kept from the message: a key
            cure = "gpu-runners:githubAppPrivateKey must be the PEM file that GitHub gave (PKCS#1), or its PKCS#8 form"
            raise ForgeRefusedError(f"the App's private key cannot be used; {cure}", retry_after=60.0) from error

    def _not_minted(self, error: GitHubRefusedError, scope: Scope, installation: str) -> ForgeRefusedError:
        wanted = ", ".join(f"{name}: {level}" for name, level in self._permissions(scope).items())
        if error.status == 422:
            cure = f"the App needs {wanted}, and its owner has to accept that for the installation"
        elif error.status == 404:
            cure = f"no installation {installation}: correct githubApp.installationId, or leave it out"
        else:
            return error
        message = f"no token for {scope} from the GitHub App {self._app_id}: {error.answer}; {cure}"
        return ForgeRefusedError(message, retry_after=error.retry_after)


def credential(client: Client, token_file: Path, *, reruns: Collection[Scope] = ()) -> Credential:
    """What lies in the credential's folder: an App's files, else the token. `reruns`: as of App."""
    folder = token_file.parent
    app = {name: folder / name for name in (contract.APP_ID_FILE, contract.APP_KEY_FILE)}
    if not all(path.exists() for path in app.values()):
        return AccessToken(lambda: _read(token_file))
    installation = folder / contract.APP_INSTALLATION_FILE
    return App(
        client,
        app_id=_read(app[contract.APP_ID_FILE]),
        read_key=lambda: _read(app[contract.APP_KEY_FILE]),
        installation_id=_read(installation) if installation.exists() else "",
        reruns=reruns,
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        message = f"{path.name} of the credential cannot be read ({type(error).__name__})"
        raise ForgeRefusedError(f"{message}; write the platform's credential anew", retry_after=15.0) from error
