"""A forge, or what stands before it, that answers anything at all: whoever asks gets a verdict or one message."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from aiohttp import web

from access.forge import require_forge
from access.forge_errors import ForgeRefusedError, ForgeUnreachableError
from access.gitea.client import GiteaClient
from access.github.client import GitHubClient
from gpu_runners.doctor import gitea, github
from gpu_runners.doctor.checks import answered
from gpu_runners.doctor.core.findings import State
from tests.github.app_key import private_key
from tests.gpu_runners.serving import serving
from values.credential import Credential
from values.forge_questions import ForgeQuestions, RegistrarQuestion, WiringQuestion
from values.scope import ForgeScope, Scope
from values.wiring import EnvironmentWiring, GroupWiring, RepositoryWiring

JSON = "application/json"
BODIES = [
    b"", b"null", b"5", b'"text"', b"[]", b"{}", b"[[]]", b'[{"id": 1}]', b"<html>", b"\xff", b"[" * 100_000,
    b"9" * 5000, b"NaN",
    b'{"version": [], "id": {}, "token": [], "message": 5, "errors": 5, "documentation_url": []}',
    b'{"runner_groups": 5}', b'{"runner_groups": [5]}', b'{"runner_groups": [{"name": "gpu"}]}',
    b'{"runner_groups": [{"name": "gpu", "default": true, "id": 7, "visibility": "selected", '
    b'"allows_public_repositories": false}], "total_count": "many"}',
    b'{"permissions": [], "plan": [], "resources": [], "visibility": {}, "private": []}',
]  # fmt: skip


@dataclass
class OddForge:
    """The same answer to every question."""

    status: int = 200
    body: bytes = b""
    kind: str = JSON

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_route("*", "/{anything:.*}", self._answer)
        return application

    async def _answer(self, request: web.Request) -> web.Response:
        headers = {"Content-Type": self.kind, "X-RateLimit-Remaining": "x", "X-OAuth-Scopes": "repo, admin:org"}
        return web.Response(status=self.status, body=self.body, headers=headers)


@pytest.fixture(scope="module")
def odd() -> Iterator[tuple[OddForge, str]]:
    forge = OddForge()
    with serving(forge.application()) as url:
        yield forge, url


ANSWERS = [
    *((200, body, JSON) for body in BODIES),
    *itertools.product((403, 404, 422, 500), (b"", b"[]", b"[" * 100_000, BODIES[13]), (JSON,)),
    *((200, b"{}", kind) for kind in ("application/json; charset=none-such", "text/html")),
]


@pytest.mark.parametrize(("status", "body", "kind"), ANSWERS, ids=map(str, range(len(ANSWERS))))
def test_any_answer_ends_in_a_verdict_or_in_one_message(
    odd: tuple[OddForge, str], status: int, body: bytes, kind: str
) -> None:
    forge, url = odd
    forge.status, forge.body, forge.kind = status, body, kind
    for client in (GiteaClient(url, "t"), GitHubClient(url, token="t")):
        with client as asking:
            try:
                asking.ask("GET", "/x")
            except ForgeUnreachableError as error:
                assert str(error)  # noqa: PT017 - most answers are none
    questions = _questions(url)
    warned: list[str] = []
    try:
        require_forge(questions, warned.append)
    except ForgeRefusedError as refusal:
        assert refusal.problems  # noqa: PT017
    assert questions.wiring is not None
    for findings in (
        gitea.registrar(questions.registrar),
        github.registrar(questions.registrar),
        github.wiring(questions.wiring),
    ):
        assert all(isinstance(finding.state, State) for finding in answered(findings))


def _questions(url: str) -> ForgeQuestions:
    forge = ForgeScope("github", url, "")
    app = Credential(app_id="1", private_key=private_key())
    scopes = ((Scope("mlops/guide"), None), (Scope("mlops"), "gpu"))
    environment = EnvironmentWiring("dev", ("main",), ("me",), ("us",))
    wiring = WiringQuestion(
        forge,
        Credential(token="t"),
        (GroupWiring("mlops", "gpu", (Scope("mlops/guide"),)),),
        (RepositoryWiring("mlops/guide", {"A": "b"}, {"C": "d"}, (environment,)),),
    )
    return ForgeQuestions(RegistrarQuestion(forge, app, scopes), wiring)
