"""GitHub is asked over HTTP where its API answers; an answer that tells nothing is no network."""

from typing import Any

import pytest
from aiohttp import web

from access.forge_errors import ForgeUnreachableError
from gpu_runners.doctor.egress import published_networks
from tests.gpu_runners.serving import serving
from values.scope import GITHUB, ForgeScope


def asked(answer: Any, status: int = 200) -> list[Any]:
    async def meta(_: web.Request) -> web.Response:
        return web.json_response(answer, status=status)

    application = web.Application()
    application.router.add_get("/api/v3/meta", meta)
    with serving(application) as url:
        return list(published_networks(ForgeScope(GITHUB, url, "mlops")))


def test_the_networks_of_its_api_are_taken_with_the_port_of_the_forge() -> None:
    rules = asked({"api": ["192.30.252.0/22", "2a0a:a440::/29"], "hooks": ["203.0.113.0/24"]})
    assert [rule["cidr"] for rule in rules] == ["192.30.252.0/22", "2a0a:a440::/29"]
    assert all(len(rule["ports"]) == 1 for rule in rules)


@pytest.mark.parametrize("answer", [{}, [], {"api": []}, {"api": "192.30.252.0/22"}, {"api": ["api.github.com"]}])
def test_an_answer_without_networks_is_an_error(answer: Any) -> None:
    with pytest.raises(ValueError, match=r"lists no networks|does not appear to be"):
        asked(answer)


def test_a_refusal_is_an_error() -> None:
    with pytest.raises(ForgeUnreachableError):
        asked({"message": "rate limit"}, 403)
