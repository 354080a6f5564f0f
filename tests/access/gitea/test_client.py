"""What Gitea's answers mean, and that no proxy stands before a forge of one's own; over real HTTP."""

from collections.abc import Iterator

import pytest
from aiohttp import web

from access.forge_errors import ForgeStatusError, ForgeUnreachableError
from access.gitea.client import GiteaClient
from access.github.client import GitHubClient
from tests.gpu_runners.serving import serving
from values.scope import ForgeScope


async def _answer(request: web.Request) -> web.Response:
    """The status that the path's end names; a page of HTML for 299."""
    status = int(request.path.rpartition("/")[2])
    if status == 299:
        return web.Response(text="<html>", content_type="text/html")
    return web.json_response({"message": "why", "shown": request.headers.get("Authorization")}, status=status)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    application = web.Application()
    application.router.add_route("*", "/api/{version}/{path:.*}", _answer)
    with serving(application) as root:
        yield root


@pytest.mark.parametrize("kind", ["gitea", "github"])
def test_a_forge_of_ones_own_is_asked_without_the_proxy_of_the_internet(
    url: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    if kind == "gitea":
        with GiteaClient(url, "t") as gitea:
            assert gitea.ask("GET", "/200")["shown"] == "token t"
    else:
        with GitHubClient.of_scope(ForgeScope("github", url, "")) as github:
            assert github.ask("GET", "/200", token="t")[0]["shown"] == "token t"


def test_a_refusal_has_its_status_and_the_forges_words(url: str) -> None:
    with GiteaClient(url, "t") as client:
        with pytest.raises(ForgeStatusError, match=r"403 to GET /403: .*why") as refused:
            client.ask("GET", "/403")
        assert refused.value.status == 403
        assert client.answer("GET", "/404", allowed=(404,)).status_code == 404


@pytest.mark.parametrize("path", ["/500", "/429", "/299"])
def test_what_is_no_answer_is_no_verdict(url: str, path: str) -> None:
    with GiteaClient(url, "t") as client, pytest.raises(ForgeUnreachableError) as unreachable:
        client.ask("GET", path)
    assert not isinstance(unreachable.value, ForgeStatusError)


def test_a_gitea_that_is_not_there_is_named() -> None:
    client = GiteaClient("http://127.0.0.1:1", "t")
    with client, pytest.raises(ForgeUnreachableError, match=r"from http://127\.0\.0\.1:1/api/v1 to GET /version"):
        client.ask("GET", "/version")
