"""What is wired at GitHub: the repository, the runner group, and the provider that does it."""

from typing import Any

import pulumi
import pytest

from components.github.forge_repository import ForgeRepository
from components.github.github_provider import github_provider
from components.github.repository_args import ForgeRepositoryArgs
from components.github.runner_group import RunnerGroup
from tests.github.app_key import PKCS8, private_key
from tests.program.recorded import Program, Secret, run
from values.credential import Credential
from values.scope import ForgeScope

FORGE = ForgeScope("github", "https://github.com", "mlops")


def wiring() -> ForgeRepositoryArgs:
    return {
        "repository": "guide",
        "variables": {"PULUMI_BACKEND_URL": "s3://state"},
        "secrets": {"AWS_SECRET_ACCESS_KEY": "hush"},
        "actions_permissions": {"allowed_actions": "local_only", "sha_pinning_required": True},
        "environments": [
            {
                "name": "dev",
                "branches": ["main"],
                "reviewer_users": ["octocat"],
                "variables": {"STACK": "dev"},
                "secrets": {"PULUMI_CONFIG_PASSPHRASE": "hush too"},
            }
        ],
    }


def repository(args: ForgeRepositoryArgs | None = None) -> Program:
    return run(lambda: ForgeRepository("guide", args or wiring()))


def group(*workflows: str) -> dict[str, Any]:
    program = run(
        lambda: RunnerGroup("gpus", {"group": "gpus", "repositories": ["mlops/guide"], "workflows": list(workflows)})
    )
    (group,) = program.of("ActionsRunnerGroup")
    return group.inputs


def provider(proof: Credential, forge: ForgeScope = FORGE) -> dict[str, Any]:
    (provider,) = run(lambda: github_provider("mlops", forge, proof)).of("github")
    return provider.inputs


def test_only_actions_pinned_by_commit_run_where_a_stack_says_so() -> None:
    (permissions,) = repository().of("ActionsRepositoryPermissions")
    assert permissions.inputs["shaPinningRequired"] is True
    assert permissions.inputs["allowedActions"] == "local_only"


def test_what_the_provider_cannot_send_is_left_as_it_is() -> None:
    args = wiring()
    args["actions_permissions"] = {"allowed_actions": "all", "sha_pinning_required": False}
    (permissions,) = repository(args).of("ActionsRepositoryPermissions")
    assert "shaPinningRequired" not in permissions.inputs


def test_permissions_that_a_stack_does_not_name_are_not_touched() -> None:
    args = wiring()
    del args["actions_permissions"]
    assert repository(args).of("ActionsRepositoryPermissions") == []


def test_variables_and_secrets_are_there_and_secrets_are_secret() -> None:
    program = repository()
    (variable,) = program.of("ActionsVariable")
    assert (variable.inputs["variableName"], variable.inputs["value"]) == ("PULUMI_BACKEND_URL", "s3://state")
    for kind in ("ActionsSecret", "ActionsEnvironmentSecret"):
        (secret,) = program.of(kind)
        assert isinstance(secret.inputs["value"], Secret)


def test_no_secret_leaves_as_an_output() -> None:
    shown: list[Any] = []

    def declare() -> None:
        made = ForgeRepository("guide", wiring())
        made.repository.apply(shown.append)
        pulumi.export("repository", made.repository)

    run(declare)
    assert shown == ["guide"]


def test_an_environment_is_for_named_branches_and_its_reviewers() -> None:
    program = repository()
    (environment,) = program.of("RepositoryEnvironment")
    assert environment.inputs["deploymentBranchPolicy"] == {"protectedBranches": False, "customBranchPolicies": True}
    assert environment.inputs["reviewers"] == [{"users": [5], "teams": []}]
    assert environment.inputs["canAdminsBypass"] is False
    (policy,) = program.of("RepositoryEnvironmentDeploymentPolicy")
    assert policy.inputs["branchPattern"] == "main"


def test_an_environment_without_reviewers_asks_nobody() -> None:
    args = wiring()
    args["environments"] = [{"name": "dev", "branches": ["main"]}]
    (environment,) = repository(args).of("RepositoryEnvironment")
    assert "reviewers" not in environment.inputs


def test_one_name_may_be_a_variable_and_a_secret_of_an_environment() -> None:
    args = wiring()
    names: dict[str, pulumi.Input[str]] = {"KEY": "x"}
    args["environments"] = [{"name": "dev", "branches": ["main"], "variables": names, "secrets": names}]
    program = repository(args)
    assert program.of("ActionsEnvironmentVariable")[0].name != program.of("ActionsEnvironmentSecret")[0].name


def test_a_group_never_lets_in_a_public_repository() -> None:
    inputs = group()
    assert inputs["allowsPublicRepositories"] is False
    assert (inputs["visibility"], inputs["selectedRepositoryIds"]) == ("selected", [7])
    assert inputs["restrictedToWorkflows"] is False


def test_a_group_can_be_for_named_workflows_only() -> None:
    workflow = "mlops/guide/.github/workflows/train.yml@refs/heads/main"
    inputs = group(workflow)
    assert inputs["restrictedToWorkflows"] is True
    assert inputs["selectedWorkflows"] == [workflow]


def test_a_repository_that_github_does_not_know_is_named() -> None:
    with pytest.raises(Exception, match="mlops/nowhere does not exist, or the credential may not see it"):
        run(lambda: RunnerGroup("gpus", {"group": "gpus", "repositories": ["mlops/nowhere"]}))


def test_a_token_is_secret_and_goes_to_the_scopes_own_github() -> None:
    inputs = provider(Credential(token="hush"), ForgeScope("github", "https://github.example.com", "mlops"))
    assert isinstance(inputs["token"], Secret)
    assert (inputs["owner"], inputs["baseUrl"]) == ("mlops", "https://github.example.com/api/v3/")
    assert "appAuth" not in inputs


def test_an_apps_key_is_secret_in_the_form_that_the_provider_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "somebody else's")
    inputs = provider(Credential(app_id="4711", installation_id="99", private_key=private_key(PKCS8)))
    assert isinstance(inputs["appAuth"], Secret)
    assert '"installationId": "99"' in inputs["appAuth"]
    assert "BEGIN RSA PRIVATE KEY" in inputs["appAuth"]
    assert "somebody else's" not in repr(inputs)
    assert inputs["baseUrl"] == "https://api.github.com/"
