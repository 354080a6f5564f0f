"""What is asked of GitHub before anything is declared, against a stand-in over HTTP."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import rsa

from access.forge import require_forge
from access.forge_errors import ForgeRefusedError
from components.platform.serving_certificate import issue_serving_certificate
from lab.github.credentials import App
from tests.github.app_key import private_key
from tests.github.arranged import APP_ID, TOKEN, ArrangedGitHub
from values.credential import Credential
from values.forge_questions import ForgeQuestions, RegistrarQuestion
from values.problem import Problem
from values.scope import ForgeScope, Scope

GUIDE, ORGANIZATION = ("mlops/guide", None), ("mlops", "gpu")
APP = Credential(app_id=APP_ID, private_key=private_key())
PAT = Credential(token=TOKEN)
DEPLOY, OTHER = (f"mlops/guide/.github/workflows/{name}.yml@refs/heads/main" for name in ("deploy", "other"))
GROUP = {"id": 7, "name": "gpu", "default": False, "visibility": "selected", "allows_public_repositories": False}


@dataclass
class Bench:
    stand_in: ArrangedGitHub
    url: str
    warned: list[str] = field(default_factory=list)

    declared: set[tuple[str, str]] = field(default_factory=set)
    restrictions: dict[tuple[Scope, str | None], frozenset[str]] = field(default_factory=dict)

    def check(self, *wanted: tuple[str, str | None], proof: Credential = PAT, ca: str = "") -> None:
        forge = ForgeScope("github", self.url, "")
        scopes = tuple((Scope(path), group) for path, group in wanted)
        question = RegistrarQuestion(forge, proof, scopes, ca, frozenset(self.declared), self.restrictions)
        require_forge(ForgeQuestions(question), self.warned.append)

    def problems(self, *wanted: tuple[str, str | None], proof: Credential = PAT) -> tuple[Problem, ...]:
        with pytest.raises(ForgeRefusedError) as refused:
            self.check(*wanted, proof=proof)
        return refused.value.problems

    def refusal(self, *wanted: tuple[str, str | None], proof: Credential = PAT) -> str:
        with pytest.raises(ForgeRefusedError) as refused:
            self.check(*wanted, proof=proof)
        assert "nothing was changed" in str(refused.value)
        return str(refused.value)


def arranged(*groups: dict[str, Any]) -> ArrangedGitHub:
    github = ArrangedGitHub()
    github.hold_groups(*groups)
    return github


@contextmanager
def serving(stand_in: ArrangedGitHub, tls: ssl.SSLContext | None = None) -> Iterator[Bench]:
    """The stand-in in a thread and an event loop of its own: the program that asks it has none."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = TestServer(stand_in.application(), host="localhost")
    asyncio.run_coroutine_threadsafe(server.start_server(ssl=tls), loop).result()
    try:
        yield Bench(stand_in, f"{'https' if tls else 'http'}://localhost:{server.port}")
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    stand_in.hold_against_description()


@pytest.fixture
def bench() -> Iterator[Bench]:
    with serving(arranged(GROUP)) as it:
        yield it


@pytest.mark.parametrize("proof", [APP, PAT], ids=["App", "token"])
def test_what_is_right_passes_and_changes_nothing(bench: Bench, proof: Credential) -> None:
    bench.check(GUIDE, ORGANIZATION, proof=proof)
    changes = [call for call in bench.stand_in.calls if not call.startswith("GET")]
    assert set(changes) <= {"POST /app/installations/99/access_tokens"}
    assert bench.warned == []


def test_a_scope_is_asked_about_once(bench: Bench) -> None:
    bench.check(GUIDE, GUIDE)
    assert bench.stand_in.calls.count("GET /repos/mlops/guide/actions/runners") == 1


def test_an_app_that_is_not_installed_is_named(bench: Bench) -> None:
    bench.stand_in.uninstall()
    (problem,) = bench.problems(GUIDE, proof=APP)
    assert (problem.key, "App 4711, which is not installed on mlops/guide" in problem.found) == ("githubApp", True)
    assert problem.cure.startswith("install it there")


def test_a_key_of_another_app_is_named(bench: Bench) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    bench.stand_in.credentials.apps[1] = App(1, "Iv23other", "other", key)
    other = Credential(app_id="1", private_key=private_key())
    (problem,) = bench.problems(GUIDE, proof=other)
    assert "App 1, which does not sign with this key" in problem.found
    assert problem.cure == "check githubApp.appId and githubAppPrivateKey"


def test_an_app_without_the_permission_is_told_which(bench: Bench) -> None:
    bench.stand_in.uninstall()
    bench.stand_in.install("mlops", {"metadata": "read", "actions": "read"})
    named = Credential(app_id=APP_ID, installation_id="99", private_key=private_key())
    assert "may not have administration: write, actions: read" in bench.refusal(GUIDE, proof=named)


def test_a_token_without_the_permission_is_told_which(bench: Bench) -> None:
    bench.stand_in.credentials.add_personal(TOKEN, {"metadata": "read"})
    message = bench.refusal(GUIDE)
    assert "it needs administration: write" in message
    assert "(GitHub asks for administration=read)" in message


def test_a_classic_token_without_its_scope_is_told_which(bench: Bench) -> None:
    bench.stand_in.credentials.add_personal(TOKEN, scopes="gist, workflow")
    (problem,) = bench.problems(ORGANIZATION)
    assert problem.found.endswith("the scopes gist, workflow")
    assert problem.allowed == "one with the scope admin:org"


def test_a_token_of_nobody_who_administers_the_repository_is_refused(bench: Bench) -> None:
    bench.stand_in.credentials.add_personal(TOKEN, administers=False)
    assert "no administrator of mlops/guide" in bench.refusal(GUIDE)


def test_a_token_that_is_not_accepted_is_named_and_not_shown(bench: Bench) -> None:
    message = bench.refusal(GUIDE, proof=Credential(token="hunter2"))
    assert "expired, revoked" in message
    assert "hunter2" not in message + repr(Credential(token="hunter2"))


def test_an_unknown_repository_is_named(bench: Bench) -> None:
    message = bench.refusal(("mlops/nothing", None))
    assert "mlops/nothing does not exist, or the credential may not see it" in message


def test_an_unknown_group_is_named_with_those_that_exist(bench: Bench) -> None:
    (problem,) = bench.problems(("mlops", "gpus"))
    assert str(problem).startswith("runnerGroup: found gpus; allowed: gpu of mlops")
    assert problem.cure == "declare it in platform.runnerGroups, create it, or name one of these"


def test_a_group_that_allows_public_repositories_is_refused(bench: Bench) -> None:
    bench.stand_in.hold_groups({**GROUP, "allows_public_repositories": True})
    assert "the runner group gpu of mlops allows public repositories" in bench.refusal(ORGANIZATION)


def test_a_group_that_the_stack_declares_need_not_exist_yet(bench: Bench) -> None:
    bench.declared.add(("mlops", "gpus"))
    bench.check(("mlops", "gpus"))
    assert "found gpus" in bench.refusal(("others", "gpus"))


def test_a_declared_group_that_exists_and_allows_public_repositories_is_refused(bench: Bench) -> None:
    bench.stand_in.hold_groups({**GROUP, "allows_public_repositories": True})
    bench.declared.add(ORGANIZATION)
    assert "the runner group gpu of mlops allows public repositories" in bench.refusal(ORGANIZATION)


@pytest.mark.parametrize(
    ("settings", "open_to"),
    [
        ({}, "every workflow"),
        ({"restricted_to_workflows": False, "selected_workflows": [DEPLOY]}, "every workflow"),
        ({"restricted_to_workflows": True, "selected_workflows": [DEPLOY, OTHER]}, f"{DEPLOY}, {OTHER}"),
        ({"restricted_to_workflows": True, "selected_workflows": [OTHER]}, OTHER),
        ({"restricted_to_workflows": True, "selected_workflows": []}, ""),
    ],
)
def test_a_group_of_runners_that_deploy_is_refused_where_other_workflows_get_to_it(
    bench: Bench, settings: dict[str, Any], open_to: str
) -> None:
    bench.stand_in.hold_groups({**GROUP, **settings})
    bench.restrictions[Scope("mlops"), "gpu"] = frozenset({DEPLOY})
    (problem,) = bench.problems(ORGANIZATION)
    assert problem.found == f"the runner group gpu of mlops is open to {open_to}, and its runners deploy"
    assert problem.allowed == f"a group for {DEPLOY} alone"


def test_a_group_for_the_workflows_that_deploy_and_no_other_passes(bench: Bench) -> None:
    workflows = [DEPLOY.replace("mlops", "MLOps")]
    bench.stand_in.hold_groups({**GROUP, "restricted_to_workflows": True, "selected_workflows": workflows})
    bench.restrictions[Scope("mlops"), "gpu"] = frozenset({DEPLOY})
    bench.check(ORGANIZATION)


def test_a_group_for_all_of_many_repositories_is_warned_about_with_how_few_are_looked_into(bench: Bench) -> None:
    bench.stand_in.hold_groups({**GROUP, "visibility": "all"})
    bench.check(ORGANIZATION)
    assert bench.warned == []  # there are not more
    bench.stand_in.hold_repositories(*(f"mlops/{number}" for number in range(21)))
    bench.check(ORGANIZATION)
    (warning,) = bench.warned
    assert "gpu of mlops is open to all repositories" in warning
    assert (
        "only in the 20 that were pushed to last; allowed: at most 20; cure: use a group of at most 20 repositories"
        in warning
    )


def test_a_group_of_many_repositories_is_warned_about_too(bench: Bench) -> None:
    bench.stand_in.hold_repositories(*(f"mlops/{number}" for number in range(21)))
    bench.check(ORGANIZATION)
    (warning,) = bench.warned
    assert "open to 21 repositories, but the registrar looks for jobs only in 20 of them" in warning


def test_all_problems_are_in_one_message(bench: Bench) -> None:
    message = bench.refusal(("mlops", "a"), ("mlops", "b"))
    assert ("found a" in message, "found b" in message) == (True, True)


@pytest.mark.parametrize("answer", [(503, {}, ""), (429, {"Retry-After": "9"}, ""), (403, {}, "secondary rate limit")])
def test_a_github_that_is_away_or_busy_is_no_problem_of_the_stack(
    bench: Bench, answer: tuple[int, dict[str, str], str]
) -> None:
    bench.stand_in.fail_next = [answer]
    bench.check(GUIDE)
    (warning,) = bench.warned
    assert f"GitHub answers {answer[0]}" in warning


def test_a_server_with_a_ca_of_its_own_is_trusted_only_with_it(tmp_path: Path) -> None:
    made = issue_serving_certificate("localhost", datetime.now(UTC))
    (tmp_path / "cert").write_text(made.certificate)
    (tmp_path / "key").write_text(made.key)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    with serving(ArrangedGitHub(), tls) as bench:
        (problem,) = bench.problems(GUIDE)
        assert (problem.key, "is not trusted" in problem.found) == ("gpu-runners:forgeCa", True)
        assert problem.cure == "set gpu-runners:forgeCa to the PEM of its CA"
        bench.check(GUIDE, ca=made.ca)


def test_a_gitea_is_not_asked_beforehand() -> None:
    gitea = RegistrarQuestion(ForgeScope("gitea", "http://127.0.0.1:1", ""), PAT, ((Scope(""), None),))
    warned: list[str] = []
    require_forge(ForgeQuestions(gitea), warned.append)
    require_forge(None, warned.append)
    assert warned == []


@pytest.mark.parametrize("status", [302, 401, 403, 404])
def test_a_page_of_what_is_before_github_is_no_verdict(bench: Bench, status: int) -> None:
    page = web.Response(status=status, text="<h1>Blocked</h1> by policy", content_type="text/html")
    bench.stand_in.raw_answer = page
    bench.check(GUIDE, ORGANIZATION)
    assert len(bench.warned) == 2
    assert all("a page that is none of GitHub's API; is a proxy before it?" in warning for warning in bench.warned)


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Retry-After": "60"}, "Forbidden"),
        ({}, "You have triggered an abuse detection mechanism."),
        ({}, "RATE LIMIT"),
    ],
)
def test_a_limit_is_no_missing_permission(bench: Bench, headers: dict[str, str], message: str) -> None:
    bench.stand_in.fail_next = [(403, headers, message)]
    bench.check(GUIDE)
    assert "no answer: GitHub answers 403" in bench.warned[0]


def test_a_group_on_a_later_page_is_found() -> None:
    others = [{**GROUP, "id": 1000 + number, "name": f"g{number}"} for number in range(100)]
    with serving(arranged(*others, GROUP)) as bench:
        bench.check(ORGANIZATION)
        assert bench.warned == []
