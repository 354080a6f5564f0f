"""What a stack declares at GitHub, and with which credential; bad values are data, in `invalid/`."""

from datetime import UTC, datetime
from typing import Any

import pytest

from components.platform.serving_certificate import issue_serving_certificate
from config import StackConfigError
from tests.config.test_invalid_stacks import FILES
from tests.config.test_invalid_stacks import refusal as of_file
from tests.github.app_key import private_key
from tests.program.stack_values import Values, loaded, stack_file, without_deployers

APP_KEY = {"GITHUB_APP_PRIVATE_KEY": private_key()}
REPOSITORY = {"name": "mlops/guide", "secrets": ["KEY", {"name": "PASSPHRASE", "from": "DEV_PASSPHRASE"}]}
SECRETS = {"GPU_RUNNERS_SECRET_KEY": "hush", "GPU_RUNNERS_SECRET_DEV_PASSPHRASE": "hush too"}


def wired(*repositories: dict[str, Any], **changes: Any) -> Values:
    values = (
        without_deployers(stack_file("platform"))
        | {"forge": "github", "githubApp": {"appId": 4711, "installationId": 99}}
        | changes
    )
    values["platform"] |= {"scope": "https://github.com/mlops", "repositories": list(repositories or (REPOSITORY,))}
    return values


def refusal(values: Values, **environment: str) -> str:
    with pytest.raises(StackConfigError) as refused:
        loaded(values, APP_KEY | SECRETS | environment)
    return str(refused.value)


def secrets(values: Values, environment: dict[str, str], *encrypted: str) -> dict[str, Any]:
    (repository,) = loaded(values, APP_KEY | environment, encrypted).github.repositories
    return dict(repository.secrets)


def test_a_secret_comes_from_the_environment_by_a_name_that_nobody_sets_by_accident() -> None:
    assert secrets(wired(), SECRETS | {"KEY": "an administrator's own"}) == {"KEY": "hush", "PASSPHRASE": "hush too"}


def test_an_encrypted_value_of_the_stack_file_goes_before_the_environment() -> None:
    assert secrets(wired(KEY="hushed"), SECRETS, "KEY")["KEY"] == "hushed"


def test_as_many_and_as_long_secrets_as_github_takes_are_taken_and_no_more() -> None:
    names = [f"KEY{number}" for number in range(101)]
    values = {f"GPU_RUNNERS_SECRET_{name}": "x" * 48 * 1024 for name in names}
    most = wired({"name": "mlops/guide", "secrets": names[:100]})
    assert len(secrets(most, values)) == 100
    text = refusal(wired({"name": "mlops/guide", "secrets": names}), **values)
    assert "repositories[0].secrets: found 101 of them; allowed: at most 100, as many as GitHub takes" in text
    text = refusal(most, **(values | {"GPU_RUNNERS_SECRET_KEY7": "hush" * 48 * 1024}))
    assert "secrets[7]: found a value for KEY7 of more than 48 KB; allowed: 48 KB" in text
    assert "hush" not in text


def test_no_secret_is_shown() -> None:
    assert "hush" not in repr(loaded(wired(), APP_KEY | SECRETS))


@pytest.mark.parametrize(
    ("changes", "environment", "token", "app"),
    [
        ({}, {}, "", "4711"),
        ({}, {"GITHUB_TOKEN": "ambient"}, "ambient", ""),
        ({"githubToken": "given"}, {"GITHUB_TOKEN": "ambient"}, "given", ""),
        ({"githubWiringApp": {"appId": 5, "installationId": 6}}, {"GITHUB_TOKEN": "ambient"}, "", "5"),
        ({"githubApp": {}}, {"FORGE_TOKEN": "registrar's"}, "registrar's", ""),
    ],
)
def test_the_stack_file_goes_before_the_environment_and_both_before_the_registrars_credential(
    changes: dict[str, Any], environment: dict[str, str], token: str, app: str
) -> None:
    given = SECRETS | environment | {"GITHUB_WIRING_APP_PRIVATE_KEY": private_key()}
    if "githubApp" not in changes:
        given |= APP_KEY
    held = loaded(wired(**changes), given, ("githubToken",)).wiring_credential
    assert held is not None
    assert (held.token, held.app_id) == (token, app)
    assert "PRIVATE KEY" not in repr(held)


def test_a_stack_that_declares_nothing_at_github_has_no_credential_for_it() -> None:
    values = without_deployers(stack_file("platform")) | {"forge": "github", "githubApp": {"appId": 4711}}
    values["platform"]["scope"] = "https://github.com/mlops"
    assert loaded(values, APP_KEY | {"GITHUB_TOKEN": "ambient"}).wiring_credential is None


def test_the_registrars_app_needs_its_installation_here_and_the_ways_around_are_told() -> None:
    message = refusal(wired(githubApp={"appId": 4711}))
    assert "gpu-runners:githubApp.installationId: found nothing" in message
    assert "or give githubToken, GITHUB_TOKEN in the environment, or a githubWiringApp" in message


def test_an_app_and_a_token_for_the_wiring_are_one_too_many() -> None:
    values = wired(githubWiringApp={"appId": 5, "installationId": 6}, githubToken="given")
    with pytest.raises(StackConfigError, match="githubWiringApp: found an App and githubToken"):
        loaded(values, APP_KEY | SECRETS | {"GITHUB_WIRING_APP_PRIVATE_KEY": private_key()}, ("githubToken",))


def test_a_token_in_plain_text_is_refused_and_not_shown() -> None:
    message = refusal(wired(githubToken="hunter2"))
    assert "gpu-runners:githubToken: found a credential in plain text" in message
    assert "hunter2" not in message


@pytest.mark.parametrize("number", ["127", "128", "130", "131"])
def test_what_may_be_a_secret_is_not_shown_in_a_refusal(number: str) -> None:
    (file,) = [candidate for candidate in FILES if candidate.name.startswith(number)]
    assert "hunter" in file.read_text()
    assert "hunter" not in str(of_file(file))


def test_an_app_serves_one_owner() -> None:
    message = refusal(wired(REPOSITORY, {"name": "vision/train"}))
    assert "gpu-runners:githubApp: found an App for mlops, vision; allowed: an App for one owner" in message


@pytest.mark.parametrize("name", ["GITHUB_OWNER", "GITHUB_ORGANIZATION"])
def test_a_variable_that_beats_the_stack_is_refused(name: str) -> None:
    assert f"found {name}=vision in the environment; allowed: nothing there, or mlops" in refusal(
        wired(), **{name: "vision"}
    )
    assert loaded(wired(), APP_KEY | SECRETS | {name: "mlops"}).github.owners == ("mlops",)


def test_a_ca_of_ones_own_must_be_known_to_the_provider_as_well(certificate: str) -> None:
    message = refusal(wired(forgeCa=certificate))
    assert "gpu-runners:forgeCa: found a CA that Pulumi's GitHub provider does not know" in message
    assert "set SSL_CERT_FILE" in message
    assert loaded(wired(forgeCa=certificate), APP_KEY | SECRETS | {"SSL_CERT_FILE": "/ca.pem"}).forge_ca


@pytest.fixture(scope="module")
def certificate() -> str:
    return issue_serving_certificate("localhost", datetime.now(UTC)).ca


def test_a_group_belongs_to_the_organization_of_its_repositories() -> None:
    values = wired()
    values["platform"]["runnerGroups"] = [{"name": "gpus", "repositories": ["mlops/guide", "mlops/train"]}]
    (group,) = loaded(values, APP_KEY | SECRETS).github.groups
    assert (group.organization, group.paths) == ("mlops", ("mlops/guide", "mlops/train"))
