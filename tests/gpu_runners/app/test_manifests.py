"""The manifests of the GitHub App ask for exactly what the product's calls need, no more and no less."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from access.forge import require_forge
from access.forge_errors import ForgeRefusedError
from access.github.wiring import GROUPS, ask_about_wiring, permissions_for
from lab.github.rest_people import TEAMS, USERS
from lab.github.world import LOCK_SECONDS
from registrar.forges.github.forge import GitHub
from tests.github import permissions as github_permissions
from tests.github.description import app_permissions
from tests.github.stand_in import EVERYTHING, REPOSITORY, Github
from tests.registrar.forges.github.test_description import key_of, opened
from values.contract import GITHUB_ORGANIZATION_PERMISSIONS, GITHUB_REPOSITORY_PERMISSIONS
from values.credential import Credential
from values.forge_questions import ForgeQuestions, RegistrarQuestion, WiringQuestion
from values.scope import ForgeScope, Scope
from values.wiring import ActionsPermissions, EnvironmentWiring, GroupWiring, RepositoryWiring

FOLDER = Path(__file__).parents[3] / "gpu_runners/app"
MANIFESTS = sorted(file.stem for file in FOLDER.glob("*.json"))
INSTALLATION = {"id": 7, "organization": "mlops"}
FOR_TEAMS = {"members": "read"}  # where a team reviews
SCOPES = {"repository": REPOSITORY, "organization": "mlops"}
AGENT = "gpu-runners"  # the product's; the test's own client has another
VERSION = "2.330.0"
WORKFLOW = "{on: workflow_dispatch, jobs: {train: {runs-on: cml-gpu, steps: [{run: 'true'}]}}}"


def manifest(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return document


def permissions(name: str) -> dict[str, str]:
    """What an App made from the manifest may do."""
    default_permissions: dict[str, str] = manifest(name)["default_permissions"]
    return default_permissions


async def install(github: Github, granted: dict[str, str]) -> None:
    """The App on the organization, with these permissions alone."""
    key = github.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    app = {"id": 1, "client_id": "Iv23stand-in", "slug": "gpu-runners", "public_key": key}
    await github.arrange("PUT", "/app", {**app, "installations": [INSTALLATION | {"permissions": granted}]})


async def everything(github: Github, forge: GitHub, scope: Scope) -> None:
    """Every call that the product makes at GitHub with the App's credential."""
    proof = Credential(app_id="1", private_key=key_of(github))
    warned: list[str] = []
    forge_scope = ForgeScope("github", github.world.base, "")
    question = ForgeQuestions(RegistrarQuestion(forge_scope, proof, ((scope, None),)))
    await asyncio.to_thread(require_forge, question, warned.append)
    assert warned == []
    await forge.issue(scope, name="cuda-1", labels=("cml-gpu",), group=None)
    issued = await forge.issue(scope, name="cuda-1", labels=("cml-gpu",), group=None)  # its name is taken
    github.world.runners[issued.runner_id].version = VERSION  # it has connected once, so its end is asked for
    assert await forge.list_runners(scope)
    assert await forge.find(scope, issued.runner_id)
    (job,) = await forge.queued(scope)
    assert await forge.jobs_in_progress(scope) == ()
    await run_it(github, forge, scope, issued.runner_id, job.id)
    for run_job in github.world.jobs():
        run_job.status, run_job.conclusion = "completed", "success"
        run_job.runner = github.world.runners[issued.runner_id]
    lost = await forge.job(scope, job.id)
    assert lost is not None
    await forge.explain(scope, lost, "The runner cuda-1 was killed.")
    result = await forge.result(scope, runner_id=issued.runner_id, job_id=job.id)
    assert result is not None
    assert await forge.result(scope, runner_id=issued.runner_id, job_id=None) == result  # found by its runner alone
    await forge.cordon(scope, issued.runner_id)
    await forge.remove(scope, issued.runner_id)


async def run_it(github: Github, forge: GitHub, scope: Scope, runner_id: int, job_id: str) -> None:
    """The runner has the job, whose branch was pushed past meanwhile."""
    (one,) = github.world.jobs()
    one.status, one.runner = "in_progress", github.world.runners[runner_id]
    one.locked_until = github.world.clock.now() + LOCK_SECONDS
    github.repository.branches["main"].append("a" * 40)
    runner = await forge.find(scope, runner_id)
    assert runner is not None
    assert await forge.origin(scope, runner, job_id=job_id)
    one.status, one.runner = "queued", None


async def queue_a_job(github: Github) -> None:
    url = f"{github.world.base}/_lab/repositories/{REPOSITORY}/workflows/train.yml"
    async with github.http.put(url, data=WORKFLOW) as answer:
        assert answer.status == 200, await answer.text()
    path = f"/repos/{REPOSITORY}/actions/workflows/train.yml/dispatches"
    assert (await github.call("POST", path, {"ref": "main"}, EVERYTHING))[0] == 204


@pytest.mark.parametrize("name", SCOPES)
async def test_the_manifest_is_exactly_what_the_calls_need(github: Github, tmp_path: Path, name: str) -> None:
    await install(github, permissions(name))
    await queue_a_job(github)
    async with opened(github, tmp_path) as forge:
        await everything(github, forge, Scope(SCOPES[name]))
    asked = [exchange for exchange in github.exchanges if exchange.agent == AGENT]
    assert not [each for each in asked if each.status == 403]
    assert github_permissions.needed(asked) == permissions(name)
    assert any("/deprecations/" in each.path for each in asked)


WIRING = RepositoryWiring(
    REPOSITORY,
    variables={"STATE": "s3://state"},
    secrets={"KEY": "hush"},
    environments=(EnvironmentWiring("dev", ("main",), reviewer_users=(*USERS,), reviewer_teams=(*TEAMS,)),),
    actions_permissions=ActionsPermissions("all", sha_pinning_required=True),
)


async def test_the_manifest_for_wiring_is_what_everything_together_that_a_stack_can_declare_needs(
    github: Github,
) -> None:
    assert permissions("wiring") == dict(sorted((GROUPS | permissions_for(WIRING) | FOR_TEAMS).items()))
    await install(github, permissions("wiring"))
    forge, proof = ForgeScope("github", github.world.base, ""), Credential(app_id="1", private_key=key_of(github))
    group = GroupWiring("mlops", "gpu", (Scope(REPOSITORY),))
    answers = await asyncio.to_thread(ask_about_wiring, WiringQuestion(forge, proof, (group,), (WIRING,)))
    assert answers.problems == []
    asked = github_permissions.needed(exchange for exchange in github.exchanges if exchange.agent == AGENT)
    assert set(asked) <= set(permissions("wiring"))


@pytest.mark.parametrize(
    ("name", "missing"), [(name, permission) for name in SCOPES for permission in permissions(name)]
)
async def test_an_app_that_lacks_one_of_them_is_told_so_before_anything_is_declared(
    github: Github, name: str, missing: str
) -> None:
    await install(github, {one: level for one, level in permissions(name).items() if one != missing})
    proof = Credential(app_id="1", private_key=key_of(github))
    scope = ForgeScope("github", github.world.base, "")
    question = ForgeQuestions(RegistrarQuestion(scope, proof, ((Scope(SCOPES[name]), None),)))
    with pytest.raises(ForgeRefusedError, match=f"may not have .*{missing}: "):
        await asyncio.to_thread(require_forge, question, print)


def test_the_tokens_that_the_registrar_makes_of_it_are_as_narrow() -> None:
    assert permissions("repository") == GITHUB_REPOSITORY_PERMISSIONS
    assert permissions("organization") == GITHUB_ORGANIZATION_PERMISSIONS


def test_a_repositorys_settings_are_out_of_reach_of_an_organizations_registrar() -> None:
    assert "administration" not in permissions("organization")


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_is_one_that_github_takes(name: str) -> None:
    document = manifest(name)
    assert {"name", "url", "default_permissions"} <= set(document)
    assert document["url"].startswith("https://")
    known = app_permissions()
    for permission, level in permissions(name).items():
        assert level in known[permission], permission


@pytest.mark.parametrize("name", MANIFESTS)
def test_an_app_listens_to_nothing_and_is_its_owners_alone(name: str) -> None:
    document = manifest(name)
    assert (document["default_events"], document["hook_attributes"]["active"], document["public"]) == ([], False, False)
