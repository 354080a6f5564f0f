"""What the registrar and the program send to GitHub, held against GitHub's own description of its API."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from access.forge import require_forge
from registrar.forges.github.forge import GitHub
from registrar.forges.opening import open_forge
from registrar.metrics import Metrics
from registrar.settings import parse
from tests.github.stand_in import REPOSITORY, Github
from tests.registrar.conftest import settings_document
from values import contract
from values.credential import Credential
from values.forge_questions import ForgeQuestions, RegistrarQuestion
from values.scope import ForgeScope, Scope

ORGANIZATION = "mlops"


def key_of(github: Github) -> str:
    """The App's key as GitHub hands it out."""
    return github.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


@asynccontextmanager
async def opened(github: Github, folder: Path) -> AsyncIterator[GitHub]:
    """The registrar's forge with the App's credential."""
    for name, text in {contract.APP_ID_FILE: "1", contract.APP_KEY_FILE: key_of(github)}.items():
        (folder / name).write_text(text)
    grant = {"serviceAccounts": ["runner"], "runnerGroup": None}
    grants = [
        {"namespace": "a", "scope": REPOSITORY, **grant},
        {"namespace": "b", "scope": ORGANIZATION, **grant},
    ]
    settings = parse(settings_document(forge={"kind": "github", "url": f"{github.world.base}/api/v3"}, grants=grants))
    forge = open_forge(settings, folder / "token", Metrics())
    assert isinstance(forge, GitHub)
    try:
        yield forge
    finally:
        await forge.close()


@pytest.mark.parametrize("scope", [Scope(REPOSITORY), Scope(ORGANIZATION)])
async def test_a_runner_is_registered_found_and_removed(github: Github, tmp_path: Path, scope: Scope) -> None:
    async with opened(github, tmp_path) as forge:
        issued = await forge.issue(scope, name="cuda-1", labels=("cml-gpu",), group=None)
        again = await forge.issue(scope, name="cuda-1", labels=("cml-gpu",), group=None)  # the name gives way
        assert [listed.id for listed in await forge.list_runners(scope)] == [again.runner_id]
        runner = await forge.find(scope, again.runner_id)
        assert runner is not None
        assert runner.labels - runner.given_labels == {"cml-gpu"}
        assert await forge.find(scope, issued.runner_id) is None
        await forge.cordon(scope, again.runner_id)
        assert await forge.list_runners(scope) == ()


@pytest.mark.parametrize("scope", [Scope(REPOSITORY), Scope(ORGANIZATION)])
async def test_jobs_are_asked_for_as_github_describes_it(github: Github, tmp_path: Path, scope: Scope) -> None:
    async with opened(github, tmp_path) as forge:
        assert await forge.jobs_in_progress(scope) == ()
        assert await forge.queued(scope) == ()
        assert await forge.result(scope, runner_id=1, job_id=None) is None


async def test_the_look_beforehand_finds_nothing_wrong(github: Github) -> None:
    warned: list[str] = []
    scope, wanted = (
        ForgeScope("github", github.world.base, ""),
        ((Scope(REPOSITORY), None), (Scope(ORGANIZATION), None)),
    )
    proof = Credential(app_id="1", private_key=key_of(github))
    await asyncio.to_thread(require_forge, ForgeQuestions(RegistrarQuestion(scope, proof, wanted)), warned.append)
    assert warned == []
