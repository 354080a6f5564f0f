"""A stack whose forge is GitHub: its scope, its credential, and what is refused before anybody is asked."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from config import StackConfig, StackConfigError
from tests.github.app_key import PKCS1, PKCS8, private_key
from tests.program.stack_values import Values, loaded, stack_file

KEY = "githubAppPrivateKey"


def github(**changes: Any) -> Values:
    values = stack_file("platform") | {"forge": "github", "githubApp": {"appId": 4711}} | changes
    values["platform"]["scope"] = "https://github.com/mlops/guide"
    return values


def with_key(values: Values, key: str | None = None) -> StackConfig:
    return loaded(values, {"GITHUB_APP_PRIVATE_KEY": private_key() if key is None else key})


def refusal(values: Values, key: str | None = None, **environment: str) -> str:
    given = {"GITHUB_APP_PRIVATE_KEY": private_key() if key is None else key} | environment
    with pytest.raises(StackConfigError) as refused:
        loaded(values, {name: text for name, text in given.items() if text})
    return str(refused.value)


@pytest.mark.parametrize("form", [PKCS1, PKCS8], ids=["PKCS#1", "PKCS#8"])
def test_an_app_with_either_form_of_its_key_is_taken_and_shows_no_key(form: PrivateFormat) -> None:
    stack = with_key(github(), private_key(form))
    assert stack.credential is not None
    assert (stack.credential.app_id, stack.credential.token) == ("4711", "")
    assert "PRIVATE KEY" not in repr(stack)


def test_an_encrypted_key_is_taken() -> None:
    stack = loaded(github(**{KEY: private_key()}), secrets=(KEY,))
    assert stack.credential is not None
    assert stack.credential.private_key == private_key()


def test_a_token_is_a_credential_too() -> None:
    stack = loaded(github(githubApp={}), {"FORGE_TOKEN": "t"})
    assert stack.credential is not None
    assert (stack.credential.token, stack.credential.app_id) == ("t", "")


EDWARDS = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("hunter2", "no such key"),
        (private_key().replace("\n", "\\n"), "no such key"),
        (EDWARDS, "another kind than RSA"),
    ],
)
def test_a_key_of_another_format_is_refused_with_the_formats_and_not_shown(key: str, found: str) -> None:
    message = refusal(github(), key)
    assert f"gpu-runners:{KEY}: found" in message
    assert found in message
    assert ("PKCS#1" in message, "PKCS#8" in message) == (True, True)
    assert key[:40] not in message


def test_a_key_in_plain_text_is_refused_and_not_shown() -> None:
    message = refusal(github(**{KEY: private_key()}))
    assert "a credential in plain text" in message
    assert "PRIVATE KEY" not in message


def test_a_missing_key_names_both_ways_to_give_it() -> None:
    message = refusal(github(), "")
    assert f"`pulumi config set --secret {KEY} < app.private-key.pem`, or set GITHUB_APP_PRIVATE_KEY" in message


def test_an_app_and_a_token_are_one_too_many() -> None:
    assert "found an App and forgeToken; allowed: one of both" in refusal(github(), FORGE_TOKEN="t")


def test_a_key_without_its_app_is_named() -> None:
    assert f"gpu-runners:githubApp: found nothing, but {KEY}" in refusal(github(githubApp={}))


def test_neither_names_both() -> None:
    assert "forgeToken: found nothing" in refusal(github(githubApp={}), "")


@pytest.mark.parametrize("number", [0, -1, "abc", True, None])
def test_an_app_has_a_number_or_a_client_id(number: Any) -> None:
    assert "githubApp.appId: found" in refusal(github(githubApp={"appId": number, "installationId": 5}))


def test_another_forge_has_no_app() -> None:
    values = stack_file("platform") | {"githubApp": {"appId": 1}}
    assert "githubApp: found a GitHub App; allowed: forgeToken for the forge gitea" in refusal(values)


def test_a_ca_that_is_none_is_refused() -> None:
    assert "gpu-runners:forgeCa: found" in refusal(github(forgeCa="hunter2"))


def test_a_whole_github_is_no_scope() -> None:
    values = github()
    values["platform"]["scope"] = "https://github.com"
    assert "name an organization, or owner/repository" in refusal(values)
