"""A hostile forge at the other end of a command: endless answers, other hosts, and addresses in clear."""

import asyncio
import zlib
from collections.abc import Iterator

import pytest
from aiohttp import web

from access import forge_connection
from access.forge_connection import ForgeConnection
from access.forge_errors import ForgeRefusedError, ForgeUnreachableError
from access.gitea.client import GiteaClient
from access.github.client import GitHubClient
from tests.gpu_runners.serving import serving

MIB = b" " * 2**20
TOKEN = "hush-hush"
seen: list[tuple[str, str | None]] = []


async def _hostile(request: web.Request) -> web.StreamResponse:
    kind = request.path.rpartition("/")[2]
    seen.append((kind, request.headers.get("Authorization")))
    if kind == "elsewhere":
        port = request.url.port
        return web.Response(status=302, headers={"Location": f"http://127.0.0.1:{port}/stolen"})
    compressed = kind == "bomb"
    response = web.StreamResponse(headers={"Content-Encoding": "deflate"} if compressed else {})
    response.content_type = "application/json"
    await response.prepare(request)
    squeeze = zlib.compressobj(9)
    for _ in range(4096):  # 4 GiB, were it read
        await response.write(squeeze.compress(MIB) if compressed else b" " if kind == "drip" else MIB)
        if kind == "drip":
            await asyncio.sleep(0.01)
    return response


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", _hostile)
    with serving(application) as root:
        yield root


@pytest.mark.parametrize("kind", ["flood", "bomb", "drip"])
@pytest.mark.parametrize("client", [GiteaClient, GitHubClient])
def test_an_answer_without_end_costs_neither_memory_nor_patience(
    url: str, kind: str, client: type[GiteaClient] | type[GitHubClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "drip":
        monkeypatch.setattr(forge_connection, "ANSWER_SECONDS", 0.3)
    with client(url, token=TOKEN) as forge, pytest.raises(ForgeUnreachableError, match="an answer without end"):
        forge.ask("GET", f"/{kind}")


@pytest.mark.parametrize("client", [GiteaClient, GitHubClient])
def test_a_redirect_is_not_followed_with_the_token(url: str, client: type[GiteaClient] | type[GitHubClient]) -> None:
    with client(url, token=TOKEN) as forge, pytest.raises(ForgeUnreachableError):
        forge.ask("GET", "/elsewhere")
    assert "stolen" not in [kind for kind, _ in seen]


@pytest.mark.parametrize("api", ["http://github.com/api/v3", "http://gitea.example.com/api/v1", "http://8.8.8.8"])
def test_no_command_sends_a_token_in_clear(api: str) -> None:
    with pytest.raises(ForgeRefusedError, match="in clear"):
        ForgeConnection(api, is_hosted=False)
