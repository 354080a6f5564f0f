"""Whatever cookies stand in front of a forge: none is sent back, and none is kept."""

import contextlib
import itertools
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from registrar.forges.forge import ForgeError
from registrar.forges.opening import open_forge
from registrar.metrics import Metrics
from registrar.settings import parse
from tests.registrar.conftest import settings_document
from values.scope import Scope


@pytest.mark.parametrize("kind", ["gitea", "github"])
async def test_no_cookie_is_kept(tmp_path: Path, kind: str) -> None:
    """A gateway that gives each answer a cookie of another name would fill the memory, and then the headers."""
    seen: list[dict[str, str]] = []
    numbers = itertools.count()

    async def answer(request: web.Request) -> web.Response:
        seen.append(dict(request.cookies))
        response = web.json_response({}, status=404)
        response.set_cookie(f"gateway-{next(numbers)}", "x" * 100)
        return response

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    (tmp_path / "token").write_text("x" * 40)
    async with TestServer(application, host="localhost") as server:  # of an address alone no cookie is ever kept
        url = str(server.make_url("")).rstrip("/") + ("" if kind == "gitea" else "/api/v3")
        forge = open_forge(parse(settings_document(forge={"kind": kind, "url": url})), tmp_path / "token", Metrics())
        for _ in range(3):
            with contextlib.suppress(ForgeError):
                await forge.find(Scope("mlops/guide"), 1)
        await forge.close()
    assert seen == [{}, {}, {}]
