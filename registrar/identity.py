"""Who asks: verifies a pod's projected ServiceAccount token. Pure but for the clock that PyJWT reads for the expiry."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import jwt

LONGEST_TOKEN = 8000  # characters; a cluster's own have one or two thousand
LONGEST_KEY_ID = 256
SKEW_SECONDS = 90.0  # by which the clocks of the API server and of our node may differ
ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")


class RegistrationRefusedError(Exception):
    """The answer is no. `status` is 401 (not who it claims), 403 (may not) or 409 (too late); no secret in any text."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


@dataclass(frozen=True, kw_only=True)
class PodIdentity:
    """The pod that a verified token is bound to."""

    namespace: str
    service_account: str
    pod_name: str
    pod_uid: str


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """The cluster as the issuer of tokens: its name and its public keys by id."""

    name: str
    keys: Mapping[str, jwt.PyJWK]


def bearer(header: str | None) -> str:
    """The token of an Authorization header. Raises RegistrationRefusedError (401)."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip() or len(token) > LONGEST_TOKEN:
        raise RegistrationRefusedError(
            401, "TokenMissing", "send the pod's projected token as 'Authorization: Bearer <token>'"
        )
    return token.strip()


def key_id(token: str) -> str:
    """The id of the key that a token names, not trusted yet. Raises RegistrationRefusedError (401)."""
    try:
        named = jwt.get_unverified_header(token).get("kid")
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise RegistrationRefusedError(401, "TokenMalformed", "the token is no JSON Web Token") from error
    if not isinstance(named, str) or len(named) > LONGEST_KEY_ID:
        raise RegistrationRefusedError(401, "TokenMalformed", "the token names no key")
    return named


def identify(token: str, issuer: Issuer, *, audience: str) -> PodIdentity:
    """The pod behind a token. Raises RegistrationRefusedError with the first thing that is wrong with it."""
    return _bound_pod(_claims(token, issuer, audience))


def identify_account(token: str, issuer: Issuer, *, audience: str) -> str:
    """The ServiceAccount behind a token, as `system:serviceaccount:NAMESPACE:NAME`, whether a pod has it or a person.

    Raises RegistrationRefusedError.
    """
    return _text(_claims(token, issuer, audience), "sub")


def _claims(token: str, issuer: Issuer, audience: str) -> Mapping[str, Any]:
    """What a token says, once it is proven. Raises RegistrationRefusedError."""
    key = issuer.keys.get(key_id(token))
    if key is None:
        raise RegistrationRefusedError(401, "TokenSignature", "the token is not signed with a key of this cluster")
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=list(ALGORITHMS),
            audience=audience,
            issuer=issuer.name,
            leeway=SKEW_SECONDS,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
    except jwt.ExpiredSignatureError as error:
        raise RegistrationRefusedError(
            401, "TokenExpired", "the token has expired; read its file again for each try"
        ) from error
    except jwt.ImmatureSignatureError as error:
        raise RegistrationRefusedError(
            401, "TokenNotYetValid", f"the token begins in more than {SKEW_SECONDS:.0f} s: set the clocks of the nodes"
        ) from error
    except jwt.InvalidAudienceError as error:
        raise RegistrationRefusedError(
            401, "TokenAudience", f"the token is for another audience than {audience!r}"
        ) from error
    except jwt.InvalidIssuerError as error:
        raise RegistrationRefusedError(401, "TokenIssuer", "another issuer than this cluster made the token") from error
    except jwt.InvalidSignatureError as error:
        raise RegistrationRefusedError(401, "TokenSignature", "the token's signature is not this cluster's") from error
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise RegistrationRefusedError(
            401, "TokenMalformed", f"the token cannot be used ({type(error).__name__})"
        ) from error
    if claims["exp"] <= time.time():  # a difference of clocks lengthens no token's life: pods renew it long before
        raise RegistrationRefusedError(401, "TokenExpired", "the token has expired; read its file again for each try")
    return cast("Mapping[str, Any]", claims)


def _bound_pod(claims: Mapping[str, Any]) -> PodIdentity:
    bound = claims.get("kubernetes.io")
    if not isinstance(bound, Mapping) or not isinstance(bound.get("pod"), Mapping):
        raise RegistrationRefusedError(
            403, "TokenUnbound", "the token is bound to no pod; only a projected volume's token is"
        )
    account = bound.get("serviceaccount")
    identity = PodIdentity(
        namespace=_text(bound, "namespace"),
        service_account=_text(account if isinstance(account, Mapping) else {}, "name"),
        pod_name=_text(bound["pod"], "name"),
        pod_uid=_text(bound["pod"], "uid"),
    )
    if claims.get("sub") != f"system:serviceaccount:{identity.namespace}:{identity.service_account}":
        raise RegistrationRefusedError(
            401, "TokenMalformed", "the token's subject is not the ServiceAccount that it is bound to"
        )
    return identity


def _text(claims: Mapping[str, Any], key: str) -> str:
    value = claims.get(key)
    if not isinstance(value, str) or not value:
        raise RegistrationRefusedError(401, "TokenMalformed", f"the token's claims have no {key!r}")
    return value
