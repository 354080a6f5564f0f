"""The just-in-time configuration of a runner: three files in one base64 text, as the runner expects them. Pure."""

import base64
import json

from cryptography.hazmat.primitives.asymmetric import rsa

from lab.github.world import Runner


def encoded(runner: Runner, *, base: str, group: str) -> str:
    """What `generate-jitconfig` gives. It holds the runner's private key: whoever has it is this runner.

    Nothing in it says whether the runner updates itself: that GitHub's own says so is not known.
    """
    tenant = f"{base}/tenant/"
    files = {
        ".runner": {
            "AgentId": str(runner.id), "AgentName": runner.name, "PoolId": str(runner.group), "PoolName": group,
            "Ephemeral": "true", "ServerUrl": tenant,
            "GitHubUrl": f"{base}/{runner.scope}", "WorkFolder": "_work",
        },
        ".credentials": {
            "Scheme": "OAuth",
            "Data": {
                "ClientId": runner.client_id, "AuthorizationUrl": token_url(base), "RequireFipsCryptography": "False",
            },
        },
        ".credentials_rsaparams": _numbers(runner.key),
    }  # fmt: skip
    return _base64(
        json.dumps({name: _base64(json.dumps(content).encode()) for name, content in files.items()}).encode()
    )


def token_url(base: str) -> str:
    """Where a runner turns its signed assertion into a token; also the assertion's audience."""
    return f"{base}/tenant/_apis/oauth2/token"


def _numbers(key: rsa.RSAPrivateKey) -> dict[str, str]:
    """The key's parameters, big-endian and at full width, as .NET's RSAParameters wants them."""
    private = key.private_numbers()
    public = private.public_numbers
    width = key.key_size // 8
    values = {
        "modulus": (public.n, width), "exponent": (public.e, 3), "d": (private.d, width), "p": (private.p, width // 2),
        "q": (private.q, width // 2), "dp": (private.dmp1, width // 2), "dq": (private.dmq1, width // 2),
        "inverseQ": (private.iqmp, width // 2),
    }  # fmt: skip
    return {name: _base64(number.to_bytes(size, "big")) for name, (number, size) in values.items()}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
