"""What is wired at GitHub: the repository and the runner group."""

from typing import Any

import pulumi

from components.forge_repository import ForgeRepository, ForgeRepositoryArgs
from components.runner_group import RunnerGroup
from tests.recorded_program import Program, Secret, run


def wiring() -> ForgeRepositoryArgs:
    return {
        "repository": "guide",
        "variables": {"PULUMI_BACKEND_URL": "s3://state"},
        "secrets": {"AWS_SECRET_ACCESS_KEY": "hush"},
        "environments": [
            {
                "name": "dev",
                "branches": ["main"],
                "reviewer_users": [5],
                "variables": {"STACK": "dev"},
                "secrets": {"PULUMI_CONFIG_PASSPHRASE": "hush too"},
            }
        ],
    }


def repository(args: ForgeRepositoryArgs | None = None) -> Program:
    return run(lambda: ForgeRepository("guide", args or wiring()))


def group(**changes: Any) -> dict[str, Any]:
    program = run(lambda: RunnerGroup("gpus", {"group": "gpus", "repository_ids": [7], **changes}))  # type: ignore[typeddict-item]
    (found,) = program.of("ActionsRunnerGroup")
    return found.inputs


def test_only_actions_pinned_by_commit_run() -> None:
    (permissions,) = repository().of("ActionsRepositoryPermissions")
    assert permissions.inputs["shaPinningRequired"] is True


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


def test_a_group_never_lets_in_a_public_repository() -> None:
    inputs = group()
    assert inputs["allowsPublicRepositories"] is False
    assert (inputs["visibility"], inputs["selectedRepositoryIds"]) == ("selected", [7])
    assert inputs["restrictedToWorkflows"] is False


def test_a_group_can_be_for_named_workflows_only() -> None:
    workflow = "mlops/guide/.github/workflows/train.yml@refs/heads/main"
    inputs = group(workflows=[workflow])
    assert inputs["restrictedToWorkflows"] is True
    assert inputs["selectedWorkflows"] == [workflow]
