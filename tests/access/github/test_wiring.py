"""What is asked of GitHub before a stack's groups and repositories are declared there, against the lab's stand-in."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from access.forge import require_forge
from access.forge_errors import ForgeRefusedError
from access.github.wiring import permissions_for
from tests.github.app_key import private_key
from tests.github.stand_in import EVERYTHING, REPOSITORY, Github
from values.credential import Credential
from values.forge_questions import ForgeQuestions, RegistrarQuestion, WiringQuestion
from values.scope import ForgeScope, Scope
from values.wiring import EnvironmentWiring, GroupWiring, RepositoryWiring

GROUPS = (GroupWiring("mlops", "gpus", (Scope(REPOSITORY),)),)
PAT = Credential(token=EVERYTHING)


def wiring(**changes: Any) -> RepositoryWiring:
    environment = EnvironmentWiring("dev", ("main",), reviewer_users=("octocat",), reviewer_teams=("platform",))
    whole = RepositoryWiring(REPOSITORY, {"A": "b"}, {"KEY": "hush"}, (environment,))
    return replace(whole, **changes)


class Bench:
    def __init__(self, github: Github) -> None:
        self.github, self.warned = github, list[str]()

    async def check(self, wired: RepositoryWiring, proof: Credential = PAT, path: str = REPOSITORY) -> None:
        forge = ForgeScope("github", self.github.world.base, "")
        wiring = WiringQuestion(forge, proof, GROUPS, (replace(wired, path=path),))
        await asyncio.to_thread(
            require_forge, ForgeQuestions(RegistrarQuestion(forge, proof, ()), wiring), self.warned.append
        )

    async def refusal(self, wired: RepositoryWiring, proof: Credential = PAT, path: str = REPOSITORY) -> str:
        with pytest.raises(ForgeRefusedError) as refused:
            await self.check(wired, proof, path)
        assert "nothing was changed" in str(refused.value)
        assert "hush" not in str(refused.value)
        return str(refused.value)

    async def app(self, *without: str) -> Credential:
        """An App that may do everything but this."""
        permissions = dict.fromkeys(("administration", "organization_self_hosted_runners", "secrets"), "write")
        permissions |= dict.fromkeys(("actions_variables", "environments"), "write")
        permissions |= dict.fromkeys(("actions", "members", "metadata"), "read")
        granted = {name: level for name, level in permissions.items() if name not in without}
        key = self.github.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        installations = [{"id": 7, "organization": "mlops", "permissions": granted}]
        app = {"id": 1, "client_id": "Iv23stand-in", "slug": "wiring", "public_key": key}
        await self.github.arrange("PUT", "/app", {**app, "installations": installations})
        pem = self.github.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return Credential(app_id="1", installation_id="7", private_key=pem, app_key="githubWiringApp")


@pytest.fixture
def bench(github: Github) -> Bench:
    return Bench(github)


@pytest.mark.parametrize("kind", ["App", "token"])
async def test_what_is_right_passes_and_changes_nothing(bench: Bench, kind: str) -> None:
    await bench.check(wiring(), await bench.app() if kind == "App" else PAT)
    assert bench.warned == []
    asked = [exchange for exchange in bench.github.exchanges if exchange.method != "GET"]
    assert {each.path.rpartition("/")[2] for each in asked} <= {"access_tokens"}


@pytest.mark.parametrize(
    "missing",
    ["administration", "secrets", "actions_variables", "environments", "actions", "organization_self_hosted_runners"],
)
async def test_an_app_that_lacks_a_right_is_told_which_before_anything_is_declared(bench: Bench, missing: str) -> None:
    assert f"{missing}: " in await bench.refusal(wiring(), await bench.app(missing))


async def test_an_app_that_sees_no_teams_is_told_so(bench: Bench) -> None:
    assert "may not have members: read for mlops" in await bench.refusal(wiring(), await bench.app("members"))


async def test_a_token_that_may_not_is_told_what_it_needs(bench: Bench) -> None:
    bench.github.stand_in.credentials.add_personal("ghp_weak", {"metadata": "read", "administration": "write"})
    message = await bench.refusal(wiring(), Credential(token="ghp_weak"))
    for needed in ("secrets", "actions_variables", "organization_self_hosted_runners"):
        assert f"it needs {needed}: write" in message
    assert "may not read actions/permissions" not in message


async def test_a_key_of_another_app_is_named_by_its_own_key_in_the_config(bench: Bench) -> None:
    proof = await bench.app()
    wrong = Credential(app_id="1", installation_id="7", private_key=private_key(), app_key=proof.app_key)
    assert "check githubWiringApp.appId and githubWiringAppPrivateKey" in await bench.refusal(wiring(), wrong)


async def test_an_unknown_repository_is_named(bench: Bench) -> None:
    assert "mlops/nowhere does not exist" in await bench.refusal(wiring(), path="mlops/nowhere")


async def test_unknown_reviewers_are_all_named(bench: Bench) -> None:
    environment = EnvironmentWiring("dev", ("main",), reviewer_users=("nobody",), reviewer_teams=("none",))
    message = await bench.refusal(wiring(environments=(environment,)))
    assert "reviewers.users of mlops/guide: found nobody; allowed: a user of this GitHub" in message
    assert "reviewers.teams of mlops/guide: found none; allowed: a team of mlops" in message


async def test_a_github_that_is_away_is_no_problem_of_the_stack(bench: Bench) -> None:
    await bench.github.arrange("POST", "/faults", {"pattern": "runner-groups", "status": 503})
    await bench.check(wiring())
    assert "mlops/gpus: found no answer: GitHub answers 503" in bench.warned[0]


@pytest.mark.parametrize("private", [True, False])
async def test_forks_that_start_workflows_unasked_are_warned_about_with_the_command(
    bench: Bench, private: bool
) -> None:
    bench.github.repository.private = private
    bench.github.repository.fork_workflows["run_workflows_from_fork_pull_requests"] = True
    await bench.check(wiring())
    (warning,) = bench.warned
    url = "repos/mlops/guide/actions/permissions"
    command = f"gh api -X PUT {url}/" + (
        "fork-pr-workflows-private-repos -F run_workflows_from_fork_pull_requests=false"
        if private
        else "fork-pr-contributor-approval -f approval_policy=all_external_contributors"
    )
    assert "mlops/guide: found pull requests from forks start its workflows without anybody's approval" in warning
    assert warning.endswith(f"cure: `{command}`")


def test_an_app_needs_no_more_than_what_is_declared() -> None:
    assert permissions_for(wiring(environments=(), secrets={})) == {"metadata": "read", "actions_variables": "write"}
