"""What is read of a pull Secret's content."""

import base64
import json

import pytest

from values.registry_login import RegistryLogin, read_logins

AUTH = base64.b64encode(b"ci:pass:word").decode()


def test_a_password_may_have_a_colon() -> None:
    (login,) = read_logins(json.dumps({"auths": {"registry.example.com": {"auth": AUTH}}}))
    assert login == RegistryLogin("registry.example.com", "", "ci", "pass:word")
    assert "pass" not in repr(login)


@pytest.mark.parametrize("name", ["docker.io", "https://index.docker.io/v1/", "registry-1.docker.io"])
def test_docker_hub_has_many_names(name: str) -> None:
    (login,) = read_logins(json.dumps({"auths": {name: {"auth": AUTH}}}))
    assert login.is_for("docker.io", "library/ubuntu")


def test_the_login_for_more_of_a_name_goes_first() -> None:
    logins = read_logins(json.dumps({"auths": {"r.io": {"auth": AUTH}, "r.io/ml": {"auth": AUTH}}}))
    assert [login.path for login in logins] == ["ml", ""]
    assert [login.is_for("r.io", "mlops/x") for login in logins] == [False, True]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        "[]",
        "{}",
        '{"auths": {}}',
        '{"auths": []}',
        '{"auths": {"r.io": {}}}',
        '{"auths": {"r.io": 7}}',
        '{"auths": {"r.io": {"auth": "%"}}}',
        '{"auths": {"r.io": {"auth": "Y2k="}}}',
        '{"auths": {"r.io": {"username": "ci"}}}',
        '{"auths": {"": {"auth": "Y2k6eA=="}}}',
        '{"auths": {"a@r.io": {"auth": "Y2k6eA=="}}}',
    ],
)
def test_what_holds_no_login_is_refused_in_words_that_show_nothing_of_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(it|the login) ") as refused:
        read_logins(text)
    assert "r.io" not in str(refused.value)
