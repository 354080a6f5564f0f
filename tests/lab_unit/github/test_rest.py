"""The REST half of the stand-in. The fixture holds every exchange against GitHub's own description as well."""

import base64

import pytest
from nacl.public import PublicKey, SealedBox

from tests.github.stand_in import Github

RUNNERS = "/repos/mlops/guide/actions/runners"
JIT = {"name": "r1", "runner_group_id": 1, "labels": ["self-hosted", "cml-gpu"], "work_folder": "_work"}


async def test_a_runner_is_made_found_by_name_and_removed(github: Github) -> None:
    status, made, _ = await github.call("POST", f"{RUNNERS}/generate-jitconfig", JIT)
    assert status == 201
    assert made["encoded_jit_config"]
    number = made["runner"]["id"]
    assert (await github.call("GET", f"{RUNNERS}?name=r1"))[1]["runners"][0]["id"] == number
    assert (await github.call("GET", f"{RUNNERS}?name=other"))[1]["total_count"] == 0
    assert (await github.call("GET", f"{RUNNERS}/{number}"))[1]["status"] == "offline"
    assert (await github.call("DELETE", f"{RUNNERS}/{number}"))[0] == 204
    assert (await github.call("DELETE", f"{RUNNERS}/{number}"))[0] == 404


async def test_a_name_serves_one_runner_only(github: Github) -> None:
    await github.call("POST", f"{RUNNERS}/generate-jitconfig", JIT)
    assert (await github.call("POST", f"{RUNNERS}/generate-jitconfig", JIT))[0] == 409


@pytest.mark.parametrize("left_out", ["name", "runner_group_id", "labels"])
async def test_a_configuration_without_a_required_field_is_refused(github: Github, left_out: str) -> None:
    body = {name: value for name, value in JIT.items() if name != left_out}
    status, answer, _ = await github.call("POST", f"{RUNNERS}/generate-jitconfig", body)
    assert status == 422
    assert left_out in answer["message"]


async def test_long_lists_come_in_pages_with_links(github: Github) -> None:
    for number in range(5):
        github.world.add_runner("mlops/guide", f"r{number}", 1, ("cml-gpu",))
    _, answer, headers = await github.call("GET", f"{RUNNERS}?per_page=2&page=2")
    assert [runner["name"] for runner in answer["runners"]] == ["r2", "r3"]
    assert answer["total_count"] == 5
    links = headers["link"]
    assert all(f'rel="{name}"' in links for name in ("prev", "next", "first", "last"))


async def test_what_has_not_changed_costs_nothing(github: Github) -> None:
    _, _, first = await github.call("GET", RUNNERS)
    status, answer, second = await github.call("GET", RUNNERS, If_None_Match=first["etag"])
    assert (status, answer) == (304, None)
    assert second["x-ratelimit-used"] == first["x-ratelimit-used"] == "1"
    github.world.add_runner("mlops/guide", "new", 1, ("cml-gpu",))
    assert (await github.call("GET", RUNNERS, If_None_Match=first["etag"]))[0] == 200


async def test_an_organization_has_runners_in_groups(github: Github) -> None:
    groups = "/orgs/mlops/actions/runner-groups"
    body = {"name": "gpus", "visibility": "selected", "selected_repository_ids": [github.repository.id]}
    status, group, _ = await github.call("POST", groups, body)
    assert (status, group["allows_public_repositories"]) == (201, False)
    made = await github.call(
        "POST", "/orgs/mlops/actions/runners/generate-jitconfig", {**JIT, "runner_group_id": group["id"]}
    )
    assert made[1]["runner"]["runner_group_id"] == group["id"]
    assert (await github.call("GET", f"{groups}/{group['id']}/runners"))[1]["total_count"] == 1
    assert (await github.call("GET", f"{groups}/{group['id']}/repositories"))[1]["repositories"][0]["name"] == "guide"
    assert (await github.call("PATCH", f"{groups}/{group['id']}", {"name": "a100"}))[1]["name"] == "a100"
    assert (await github.call("PUT", f"{groups}/{group['id']}/repositories", {"selected_repository_ids": []}))[0] == 204
    assert {entry["name"] for entry in (await github.call("GET", groups))[1]["runner_groups"]} == {"Default", "a100"}
    assert (await github.call("DELETE", f"{groups}/{group['id']}"))[0] == 204


async def test_versions_have_an_end_and_downloads_a_list(github: Github) -> None:
    await github.arrange("PUT", "/deprecations/2.330.0", {"at": "2026-12-01T00:00:00Z"})
    _, known, _ = await github.call("GET", f"{RUNNERS}/deprecations/2.330.0")
    assert known["runtime_deprecates_at"] == "2026-12-01T00:00:00Z"
    assert (await github.call("GET", f"{RUNNERS}/deprecations/1.0.0"))[0] == 404
    assert (await github.call("GET", f"{RUNNERS}/downloads"))[1][0]["os"] == "linux"


async def test_variables_secrets_environments_and_permissions_are_kept(github: Github) -> None:
    repo = "/repos/mlops/guide"
    assert (await github.call("POST", f"{repo}/actions/variables", {"name": "A", "value": "1"}))[0] == 201
    assert (await github.call("PATCH", f"{repo}/actions/variables/A", {"value": "2"}))[0] == 204
    assert (await github.call("GET", f"{repo}/actions/variables/A"))[1]["value"] == "2"
    _, key, _ = await github.call("GET", f"{repo}/actions/secrets/public-key")
    box = SealedBox(PublicKey(base64.b64decode(key["key"])))
    sealed = {"encrypted_value": base64.b64encode(box.encrypt(b"hush")).decode(), "key_id": key["key_id"]}
    assert (await github.call("PUT", f"{repo}/actions/secrets/S", sealed))[0] == 201
    assert (await github.call("PUT", f"{repo}/actions/secrets/S", sealed))[0] == 204
    assert "value" not in (await github.call("GET", f"{repo}/actions/secrets/S"))[1]
    policy = {"protected_branches": False, "custom_branch_policies": True}
    wanted = {"wait_timer": 0, "deployment_branch_policy": policy, "reviewers": [{"type": "User", "id": 5}]}
    _, made, _ = await github.call("PUT", f"{repo}/environments/dev", wanted)
    assert made["deployment_branch_policy"] == policy
    assert made["protection_rules"][0]["reviewers"][0]["reviewer"]["id"] == 5
    _, branch, _ = await github.call("POST", f"{repo}/environments/dev/deployment-branch-policies", {"name": "main"})
    assert (await github.call("GET", f"{repo}/environments/dev/deployment-branch-policies/{branch['id']}"))[1]["name"]
    assert (await github.call("PUT", f"{repo}/environments/dev/secrets/S", sealed))[0] == 201
    by_number = f"/repositories/{github.repository.id}/environments/dev/secrets/S"
    assert (await github.call("GET", by_number))[1]["name"] == "S"
    permissions = {"enabled": True, "allowed_actions": "all", "sha_pinning_required": True}
    assert (await github.call("PUT", f"{repo}/actions/permissions", permissions))[0] == 204
    assert (await github.call("GET", f"{repo}/actions/permissions"))[1] == permissions
    approval = f"{repo}/actions/permissions/fork-pr-contributor-approval"
    assert (await github.call("PUT", approval, {"approval_policy": "all_external_contributors"}))[0] == 204
    assert (await github.call("GET", approval))[1]["approval_policy"] == "all_external_contributors"
    assert (await github.call("DELETE", f"{repo}/environments/dev"))[0] == 204


async def test_owner_repository_and_user_are_described(github: Github) -> None:
    assert (await github.call("GET", "/repos/mlops/guide"))[1]["id"] == github.repository.id
    assert (await github.call("GET", "/orgs/mlops"))[1]["login"] == "mlops"
    assert (await github.call("GET", "/user"))[1]["type"] == "User"
    assert (await github.call("GET", "/repos/mlops/nothing"))[0] == 404
    assert (await github.call("GET", "/rate_limit"))[1]["rate"]["limit"] == 5000
