"""What a credential is shown to GitHub as: its token, or an App's key that is traded for a token of one hour."""

from collections.abc import Mapping
from typing import Any

from gidgethub import apps

from access.github.questions import DeniedError, Questions, told
from values.credential import Credential

_EXPIRATION_SECONDS = 540


def token_for(questions: Questions, proof: Credential, path: str, permissions: Mapping[str, str]) -> str:
    """The token, or an App's with these permissions for that owner or repository. Raises DeniedError and AwayError."""
    return proof.token or _Installation(questions, proof, path).token(permissions)


def require_classic_scope(proof: Credential, headers: Mapping[str, str], scope: str) -> None:
    """Raises DeniedError where an answer's headers tell that a classic token has not this scope; others tell none."""
    classic = headers.get("x-oauth-scopes")
    if classic is not None and proof.token and scope not in [one.strip() for one in classic.split(",")]:
        raise DeniedError(f"the token has the scopes {classic or 'none'}; allowed: {scope}; give it that one")


class _Installation:
    """An App where it is installed."""

    def __init__(self, questions: Questions, proof: Credential, path: str) -> None:
        self._questions, self._proof, self._path = questions, proof, path
        self._jwt = apps.get_jwt(app_id=proof.app_id, private_key=proof.private_key, expiration=_EXPIRATION_SECONDS)

    def token(self, permissions: Mapping[str, str]) -> str:
        """One that may do this and no more."""
        number = self._proof.installation_id or self._number()
        app, key, path = self._proof.app_id, self._proof.app_key, self._path
        request: dict[str, Any] = {"permissions": dict(permissions)}
        if "/" in path:
            request["repositories"] = [path.partition("/")[2]]
        wanted = ", ".join(f"{name}: {level}" for name, level in permissions.items())
        with told({
            401: self._no_signature(),
            404: f"the GitHub App {app} has no installation {number}; correct {key}.installationId",
            422: f"the GitHub App {app} may not have {wanted} for {path}; give it these permissions, accept them for "
            "the installation, and select the repository there",
        }):  # fmt: skip
            url = f"/app/installations/{number}/access_tokens"
            return str(self._questions.ask("POST", url, jwt=self._jwt, body=request)[0]["token"])

    def _number(self) -> str:
        base = f"/repos/{self._path}" if "/" in self._path else f"/orgs/{self._path}"
        app = self._proof.app_id
        with told({
            401: self._no_signature(),
            404: f"the GitHub App {app} is not installed on {self._path}; install it there, or correct the scope",
        }):  # fmt: skip
            return str(self._questions.ask("GET", f"{base}/installation", jwt=self._jwt)[0]["id"])

    def _no_signature(self) -> str:
        app, key = self._proof.app_id, self._proof.app_key
        return f"the GitHub App {app} does not sign with this key; check {key}.appId and {key}PrivateKey"
