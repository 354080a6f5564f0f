"""Tokens for GitHub: the stack's own, or one of an hour for an App's key, which may do no more than was asked for."""

from collections.abc import Mapping
from typing import Any

from gidgethub import apps

from access.forge_errors import ForgeRefusedError, refusals_mean
from access.github.client import GitHubClient
from values.credential import Credential
from values.problem import Problem
from values.scope import Scope

_EXPIRATION_SECONDS = 540


def token_for(client: GitHubClient, credential: Credential, scope: Scope, permissions: Mapping[str, str]) -> str:
    """The token, or an App's with these permissions for that owner or repository.

    Raises ForgeRefusedError and ForgeUnreachableError.
    """
    return credential.token or _Installation(client, credential, scope).token(permissions)


def words(permissions: Mapping[str, str]) -> str:
    """E.g. `actions: read, metadata: read`."""
    return ", ".join(f"{name}: {level}" for name, level in permissions.items())


def require_classic_scope(credential: Credential, headers: Mapping[str, str], scope: str) -> None:
    """Raises ForgeRefusedError where an answer's headers tell that a classic token lacks this scope."""
    classic = headers.get("x-oauth-scopes")  # only those of classic tokens tell
    if classic is not None and credential.token and scope not in [name.strip() for name in classic.split(",")]:
        found = f"a classic token with the scopes {classic or 'none'}"
        cure = f"give it the scope {scope} in the settings of its user"
        raise ForgeRefusedError.of(Problem("the token", found, f"one with the scope {scope}", cure))


class _Installation:
    """An App where it is installed."""

    def __init__(self, client: GitHubClient, credential: Credential, scope: Scope) -> None:
        self._client, self._credential, self._scope = client, credential, scope
        self._jwt = apps.get_jwt(
            app_id=credential.app_id, private_key=credential.private_key, expiration=_EXPIRATION_SECONDS
        )

    def token(self, permissions: Mapping[str, str]) -> str:
        """One that may do this and no more."""
        number = self._credential.installation_id or self._number()
        app, key, scope = self._credential.app_id, self._credential.app_key, self._scope
        request: dict[str, Any] = {"permissions": dict(permissions)}
        if scope.is_repository:
            request["repositories"] = [scope.repository]
        meanings = {
            401: self._no_signature(),
            404: Problem(
                f"{key}.installationId",
                f"{number}, while the GitHub App {app} has no installation {number}",
                "one of its installations",
                f"correct {key}.installationId: the number at the end of the installation's URL",
            ),
            422: Problem(
                key,
                f"the GitHub App {app}, which may not have {words(permissions)} for {scope}",
                "an App that has these permissions there",
                "give it these permissions, accept them for the installation, and select the repository there",
            ),
        }
        with refusals_mean(meanings):
            url = f"/app/installations/{number}/access_tokens"
            return str(self._client.ask("POST", url, jwt=self._jwt, body=request)[0]["token"])

    def _number(self) -> str:
        absent = Problem(
            self._credential.app_key,
            f"the GitHub App {self._credential.app_id}, which is not installed on {self._scope}",
            "an App that is installed on it",
            "install it there, or correct the scope",
        )
        with refusals_mean({401: self._no_signature(), 404: absent}):
            return str(self._client.ask("GET", self._scope.installation_path, jwt=self._jwt)[0]["id"])

    def _no_signature(self) -> Problem:
        app, key = self._credential.app_id, self._credential.app_key
        found = f"the GitHub App {app}, which does not sign with this key"
        cure = f"check {key}.appId and {key}PrivateKey"
        return Problem(f"{key}PrivateKey", found, "the private key of this very App", cure)
