"""Who may call what: the App with its key, installation tokens narrowed to permissions and repositories, and PATs."""

import secrets
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.github.clock import Clock
from lab.github.world import Refusal

TOKEN_SECONDS = 3600.0
LONGEST_JWT_SECONDS = 600.0
# The library would judge by the machine's clock; ours can be wrong on purpose.
_OUR_CLOCK: jwt.types.Options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
LEVELS = {"read": 1, "write": 2, "admin": 3}


@dataclass(frozen=True)
class Installation:
    """The App on one organization. `repositories` are full names, None for all of them."""

    id: int
    organization: str
    permissions: dict[str, str]
    repositories: frozenset[str] | None = None


@dataclass
class App:
    """A GitHub App: its public key and where it is installed."""

    id: int
    client_id: str
    slug: str
    key: rsa.RSAPublicKey
    installations: dict[int, Installation] = field(default_factory=dict)


@dataclass(frozen=True)
class Token:
    """What a bearer may do. `permissions` is None for one who may do everything; `owner` is whose budget it spends."""

    value: str
    owner: str
    expires: float
    permissions: dict[str, str] | None
    organization: str | None = None
    repositories: frozenset[str] | None = None
    scopes: str | None = None  # of a classic personal access token, as GitHub tells them with every answer
    administers: bool = True  # whether the user of a personal access token administers every repository, or none


class Credentials:
    """Every App by its number, and every token that lives."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.apps: dict[int, App] = {}
        self.tokens: dict[str, Token] = {}
        self.token_seconds = TOKEN_SECONDS

    def add_personal(
        self,
        value: str,
        permissions: dict[str, str] | None = None,
        *,
        scopes: str | None = None,
        administers: bool = True,
    ) -> Token:
        """A personal access token that does not expire; without permissions it may do everything."""
        owner = f"user of {value[:8]}"
        token = Token(value, owner, float("inf"), permissions, scopes=scopes, administers=administers)
        self.tokens[value] = token
        return token

    def installed_app(self, authorization: str) -> App:
        """The App that signed this JWT. Raises Refusal 401 with GitHub's own words."""
        if not self.apps:
            raise Refusal(401, "Bad credentials")
        app, claims = self._decoded(authorization.partition(" ")[2])
        now = self._clock.now()
        if not all(isinstance(claims[name], int | float) for name in ("iat", "exp")):
            raise Refusal(401, "A JSON web token could not be decoded")
        if claims["iat"] > now:
            raise Refusal(
                401, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
            )
        if claims["exp"] <= now:
            raise Refusal(
                401,
                "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the "
                "assertion expires",
            )
        if claims["exp"] - now > LONGEST_JWT_SECONDS:
            raise Refusal(401, "'Expiration time' claim ('exp') is too far in the future")
        return app

    def _decoded(self, encoded: str) -> tuple[App, dict[str, Any]]:
        """The App that a JWT names as its issuer, and what it claims, once its signature was checked."""
        unreadable = Refusal(401, "A JSON web token could not be decoded")
        try:
            issuer = str(jwt.decode(encoded, options={"verify_signature": False}).get("iss"))
            app = next(
                (candidate for candidate in self.apps.values() if issuer in (str(candidate.id), candidate.client_id)),
                None,
            )
            if app is None:
                raise Refusal(404, "Integration not found")
            options: jwt.types.Options = {**_OUR_CLOCK, "require": ["iat", "exp", "iss"]}
            return app, jwt.decode(encoded, app.key, algorithms=["RS256"], options=options)
        except jwt.PyJWTError:
            raise unreadable from None

    def mint(
        self, installation: Installation, permissions: dict[str, str] | None, repositories: list[str] | None
    ) -> Token:
        """An installation token, narrowed as asked. Raises Refusal 422 where more is asked than was granted."""
        for name, level in (permissions or {}).items():
            if level not in LEVELS:
                raise Refusal(422, f"Invalid permission level for {name}: {level}")
            if LEVELS[level] > LEVELS.get(installation.permissions.get(name, ""), 0):
                raise Refusal(422, "The permissions requested are not granted to this installation.")
        names = (
            None if repositories is None else frozenset(f"{installation.organization}/{name}" for name in repositories)
        )
        granted = installation.repositories
        if names is not None and granted is not None and not names <= granted:
            raise Refusal(
                422,
                "There is at least one repository that does not exist or is not accessible to the parent installation.",
            )
        token = Token(
            value=f"ghs_{secrets.token_urlsafe(27)}", owner=f"installation {installation.id}",
            expires=self._clock.now() + self.token_seconds, permissions=dict(permissions or installation.permissions),
            organization=installation.organization, repositories=granted if names is None else names,
        )  # fmt: skip
        self.tokens[token.value] = token
        return token

    def bearer(self, authorization: str) -> Token:
        """The token of a request. Raises Refusal 401."""
        token = self.find(authorization)
        if token is None or token.expires <= self._clock.now():
            raise Refusal(401, "Bad credentials")
        return token

    def find(self, authorization: str) -> Token | None:
        """The token of a request, expired or not; None where there is none that was ever given."""
        scheme, _, value = authorization.partition(" ")
        return self.tokens.get(value.strip()) if scheme.lower() in ("bearer", "token") else None


def check_scope(token: Token, scope: str, permission: str, level: str) -> None:
    """Raises Refusal 404 where the token does not see the scope, 403 where it may not do this; "" is everybody's."""
    if (
        scope
        and token.organization is not None
        and token.organization.lower() != scope.split("/", maxsplit=1)[0].lower()
    ):
        raise Refusal(404, "Not Found")
    if token.repositories is not None and "/" in scope:
        visible = {name.lower() for name in token.repositories}
        if scope.lower() not in visible:
            raise Refusal(404, "Not Found")
    if token.permissions is None or permission == "metadata":
        return
    if LEVELS[level] > LEVELS.get(token.permissions.get(permission, ""), 0):
        who = "integration" if token.organization is not None else "personal access token"
        raise Refusal(403, f"Resource not accessible by {who}")
