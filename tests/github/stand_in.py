"""A stand-in for GitHub on a real port, whose every exchange is held against GitHub's own description."""

import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.github.credentials import App, Installation
from lab.github.server import Exchange, StandIn
from tests.github import description as github_description

REPOSITORY = "mlops/guide"
EVERYTHING = "ghp_everything"
PERMISSIONS = {
    "metadata": "read", "administration": "write", "actions": "write", "contents": "read",
    "organization_self_hosted_runners": "write", "secrets": "write", "actions_variables": "write",
    "environments": "write",
}  # fmt: skip


class Github:
    """The stand-in, and a client of it that may do everything unless it is told what to carry."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self.key = key
        self.exchanges: list[Exchange] = []
        self.stand_in = StandIn(observe=self.exchanges.append)
        self.world = self.stand_in.world
        self.stand_in.credentials.add_personal(EVERYTHING)
        installation = Installation(7, "mlops", PERMISSIONS)
        self.stand_in.credentials.apps[1] = App(1, "Iv23stand-in", "gpu-runners", key.public_key(), {7: installation})
        self.repository = self.world.add_repository(REPOSITORY)
        self.http: aiohttp.ClientSession

    def signed(self, *, issued: float = -60, lasts: float = 600, issuer: str = "1") -> str:
        """A JWT of the App; `issued` and `lasts` in seconds from now and from then."""
        start = int(time.time() + issued)
        claims = {"iat": start, "exp": start + int(lasts), "iss": issuer}
        return jwt.encode(claims, self.key, algorithm="RS256")

    async def call(
        self, method: str, path: str, body: Any = None, token: str = EVERYTHING, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON (None without content) and headers of an API call; the path is below /api/v3."""
        sent = {
            "Authorization": f"Bearer {token}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        url = f"{self.world.base}/api/v3{path}"
        async with self.http.request(method, url, json=body, headers=sent, allow_redirects=False) as answer:
            content = await answer.read()
            document = await answer.json() if content and answer.content_type == "application/json" else None
            return answer.status, document, {name.lower(): value for name, value in answer.headers.items()}

    async def arrange(self, method: str, path: str, body: Any = None) -> Any:
        """The tests' own door."""
        async with self.http.request(method, f"{self.world.base}/_lab{path}", json=body) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json() if answer.status == 200 else None

    async def text(self, url: str) -> str:
        async with self.http.get(url) as answer:
            return await answer.text()


@pytest.fixture(scope="session")
def app_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
async def github(app_key: rsa.RSAPrivateKey) -> AsyncIterator[Github]:
    github = Github(app_key)
    server = TestServer(github.stand_in.application())
    await server.start_server()
    github.world.base = str(server.make_url("")).rstrip("/")
    async with aiohttp.ClientSession() as session:
        github.http = session
        yield github
    await server.close()
    wrong = [problem for exchange in github.exchanges for problem in github_description.problems(exchange)]
    assert not wrong, "GitHub's description disagrees:\n" + "\n".join(wrong)
