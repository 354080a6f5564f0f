"""A GitHub App: narrow tokens, kept until shortly before their end, and what is said where there are none."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from registrar.forges.forge import ForgeRefusedError, ForgeUnreachableError
from tests.github.app_key import PKCS1, PKCS8, private_key
from tests.registrar.forges.github.bench import Bench, github_bench, write_app
from values import contract
from values.scope import Scope

GUIDE = Scope("mlops/guide")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with github_bench(tmp_path, app=True) as it:
        yield it


async def test_a_token_is_narrowed_to_its_repository_and_to_what_is_called(bench: Bench) -> None:
    await bench.forge.list_runners(GUIDE)
    assert bench.stand_in.minted == [
        {
            "permissions": {"administration": "write", "actions": "read", "contents": "read", "metadata": "read"},
            "repositories": ["guide"],
        }
    ]


async def test_an_organizations_token_administers_no_repository(bench: Bench) -> None:
    await bench.forge.list_runners(Scope("mlops"))
    (request,) = bench.stand_in.minted
    assert request == {
        "permissions": {
            "organization_self_hosted_runners": "write",
            "actions": "read",
            "contents": "read",
            "metadata": "read",
        }
    }


async def test_a_token_is_kept_while_it_lives(bench: Bench) -> None:
    for _ in range(3):
        await bench.forge.list_runners(GUIDE)
    assert len(bench.stand_in.minted) == 1


async def test_a_token_is_renewed_five_minutes_before_its_end(bench: Bench) -> None:
    bench.stand_in.credentials.token_seconds = 299.0
    await bench.forge.list_runners(GUIDE)
    await bench.forge.list_runners(GUIDE)
    assert len(bench.stand_in.minted) == 2


async def test_a_token_that_was_revoked_is_replaced_at_once(bench: Bench) -> None:
    await bench.forge.list_runners(GUIDE)
    bench.stand_in.credentials.tokens.clear()
    await bench.forge.list_runners(GUIDE)
    assert len(bench.stand_in.minted) == 2


async def test_an_installation_that_is_named_is_not_looked_for(bench: Bench) -> None:
    await bench.forge.close()
    write_app(bench.folder, private_key(), **{contract.APP_INSTALLATION_FILE: "99"})
    async with github_bench(bench.folder, app=True) as other:
        await other.forge.list_runners(GUIDE)
        assert other.stand_in.calls[0] == "POST /app/installations/99/access_tokens"


@pytest.mark.parametrize("form", [PKCS1, PKCS8], ids=["PKCS#1", "PKCS#8"])
async def test_both_forms_of_a_key_are_taken(bench: Bench, form: serialization.PrivateFormat) -> None:
    write_app(bench.folder, private_key(form))
    await bench.forge.list_runners(GUIDE)


@pytest.mark.parametrize(
    "key", ["", "hunter2", "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----"]
)
async def test_another_key_format_is_refused_and_not_shown(bench: Bench, key: str) -> None:
    write_app(bench.folder, key)
    with pytest.raises(ForgeRefusedError, match=r"PKCS#1.*PKCS#8") as error:
        await bench.forge.list_runners(GUIDE)
    assert "hunter2" not in str(error.value)


async def test_an_app_that_is_not_installed_is_named_with_its_scope(bench: Bench) -> None:
    bench.stand_in.uninstall()
    with pytest.raises(ForgeRefusedError, match="App 4711 is not installed on mlops/guide"):
        await bench.forge.list_runners(GUIDE)


async def test_an_app_without_a_permission_is_told_which_it_needs(bench: Bench) -> None:
    write_app(bench.folder, private_key(), **{contract.APP_INSTALLATION_FILE: "99"})
    async with github_bench(bench.folder, app=True) as other:
        other.stand_in.uninstall()
        other.stand_in.install("mlops", {"metadata": "read", "actions": "read", "administration": "read"})
        with pytest.raises(ForgeRefusedError, match=r"not granted.*the App needs administration: write, actions: read"):
            await other.forge.list_runners(GUIDE)


async def test_no_secret_is_in_what_is_counted(bench: Bench) -> None:
    await bench.forge.list_runners(GUIDE)
    assert "ghs_" not in bench.metrics.render().decode()


async def test_an_hour_that_one_installation_has_used_up_stops_no_other(bench: Bench) -> None:
    exhausted = {"X-RateLimit-Remaining": "0"}
    await bench.forge.list_runners(Scope("mlops"))
    bench.stand_in.install("others")
    bench.stand_in.fail_next = [(403, exhausted, "API rate limit exceeded")]
    with pytest.raises(ForgeUnreachableError, match="API rate limit exceeded"):
        await bench.forge.list_runners(Scope("mlops"))
    assert await bench.forge.list_runners(Scope("others")) == ()
    with pytest.raises(ForgeUnreachableError, match="nothing is sent"):
        await bench.forge.list_runners(Scope("mlops"))
