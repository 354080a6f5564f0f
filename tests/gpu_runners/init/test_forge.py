"""Which kind of forge answers at a URL, and at which addresses."""

from collections.abc import Mapping

import pytest
from aiohttp import web

from gpu_runners.init.forge import addresses, is_organization, kind_at, registrar_egress, runners_egress
from tests.gpu_runners.serving import serving
from values.scope import ForgeScope, parse_scope

REFUSAL = {"message": "Requires authentication", "documentation_url": "https://docs.github.com/rest"}


def forge(answers: Mapping[str, tuple[int, object]]) -> web.Application:
    application = web.Application()
    for path, (status, answer) in answers.items():

        async def told(_: web.Request, status: int = status, answer: object = answer) -> web.Response:
            return web.json_response(answer, status=status)

        application.router.add_get(path, told)
    return application


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ({"/api/v1/version": (200, {"version": "1.26.4"})}, "gitea"),
        ({"/api/v3/rate_limit": (200, {"resources": {}})}, "github"),
        ({"/api/v3/rate_limit": (401, REFUSAL)}, "github"),
        ({"/api/v1/version": (404, REFUSAL), "/api/v3/rate_limit": (404, REFUSAL)}, "github"),
        ({"/api/v1/version": (200, ["version"])}, ""),
        ({}, ""),
    ],
)
def test_a_forge_of_one_s_own_is_told_by_what_it_answers(answers: dict[str, tuple[int, object]], kind: str) -> None:
    with serving(forge(answers)) as url:
        assert kind_at(f"{url}/mlops/guide") == kind


@pytest.mark.parametrize(
    ("scope", "kind"),
    [("https://github.com/a/b", "github"), ("https://acme.ghe.com/a", "github"), ("https://codeberg.org/a/b", "gitea")],
)
def test_a_forge_that_everybody_knows_is_not_asked(scope: str, kind: str) -> None:
    assert kind_at(scope) == kind


def test_a_forge_that_is_away_is_none() -> None:
    assert kind_at("http://127.0.0.1:1/a/b") == ""


@pytest.mark.parametrize(("kind", "answer"), [("Organization", True), ("User", False), ("Bot", None), (7, None)])
def test_whose_account_an_owner_is_github_says(kind: object, answer: bool | None) -> None:
    with serving(forge({"/api/v3/users/mlops": (200, {"type": kind})})) as url:
        assert is_organization(parse_scope("github", f"{url}/mlops/guide")) is answer
    assert is_organization(ForgeScope("github", "http://127.0.0.1:1", "a/b")) is None


def test_only_a_forge_that_is_not_in_the_internet_needs_a_way() -> None:
    private, public = parse_scope("gitea", "https://10.1.2.3/a"), parse_scope("github", "https://github.com/a/b")
    assert runners_egress(addresses(private), ["10.0.0.0/8"]) == [{"cidr": "10.1.2.3/32", "ports": [443]}]
    assert runners_egress(addresses(public), ["10.0.0.0/8"]) == []
    assert registrar_egress(private, addresses(private)) == registrar_egress(public, addresses(public)) == []
    named = parse_scope("gitea", "https://localhost/a")
    assert {"cidr": "127.0.0.1/32", "ports": [443]} in registrar_egress(named, addresses(named))
