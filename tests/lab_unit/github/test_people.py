"""Users and teams at the stand-in, as reviewers of an environment. Each answer is held against GitHub's description."""

import pytest

from tests.github.stand_in import Github

ENVIRONMENT = "/repos/mlops/guide/environments/dev"


async def test_a_user_and_a_team_have_the_numbers_that_reviewers_are_named_by(github: Github) -> None:
    assert (await github.call("GET", "/users/Octocat"))[1]["id"] == 5
    assert (await github.call("GET", "/orgs/mlops/teams/platform"))[1]["id"] == 9
    reviewers = [{"type": "User", "id": 5}, {"type": "Team", "id": 9}]
    status, made, _ = await github.call("PUT", ENVIRONMENT, {"reviewers": reviewers, "deployment_branch_policy": None})
    assert status == 200
    (rule,) = made["protection_rules"]
    assert [(reviewer["type"], reviewer["reviewer"]["id"]) for reviewer in rule["reviewers"]] == [
        ("User", 5),
        ("Team", 9),
    ]


async def test_an_app_sees_users_as_everybody_does(github: Github) -> None:
    path = "/app/installations/7/access_tokens"
    token = (await github.call("POST", path, {"permissions": {"metadata": "read"}}, github.signed()))[1]["token"]
    assert (await github.call("GET", "/users/octocat", token=token))[0] == 200
    assert (await github.call("GET", "/orgs/mlops/teams/platform", token=token))[0] == 403


@pytest.mark.parametrize("keys", ["gpg_keys", "keys"])
async def test_nobody_there_has_keys(github: Github, keys: str) -> None:
    assert (await github.call("GET", f"/users/octocat/{keys}"))[1] == []


@pytest.mark.parametrize("path", ["/users/nobody", "/users/nobody/keys", "/orgs/mlops/teams/nobody"])
async def test_others_are_unknown(github: Github, path: str) -> None:
    assert (await github.call("GET", path))[0] == 404
