"""ForgeRepository: what the workflows of a repository at GitHub find there: variables, secrets, environments."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, Optional, TypedDict

import pulumi
import pulumi_github as github


class ForgeEnvironment(TypedDict):
    """An environment that a job names to get what others must not have: one per stack that is deployed."""

    name: str
    """Its name, as in `environment:` of a job."""
    branches: Sequence[str]
    """Patterns of the branches whose workflows may use it."""
    reviewer_users: NotRequired[Sequence[int]]
    """Numbers of users one of whom must approve each use."""
    reviewer_teams: NotRequired[Sequence[int]]
    """Numbers of teams, one of whose members must approve each use."""
    variables: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Variables that only jobs in this environment get."""
    secrets: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Secrets that only jobs in this environment get."""


class ForgeRepositoryArgs(TypedDict):
    """The wiring of one repository."""

    repository: str
    """Its name without the owner: the owner is the GitHub provider's."""
    variables: Mapping[str, pulumi.Input[str]]
    """Variables that every job gets."""
    secrets: Mapping[str, pulumi.Input[str]]
    """Secrets that every job gets; what only a deployment needs belongs into its environment."""
    environments: Sequence[ForgeEnvironment]
    """Environments with their own rules."""


class ForgeRepository(pulumi.ComponentResource):
    """The wiring of a repository. A secret is in no output, and in the state only encrypted."""

    repository: pulumi.Output[str]
    """The repository's name, once everything is in place."""

    def __init__(self, name: str, args: ForgeRepositoryArgs, opts: Optional[pulumi.ResourceOptions] = None) -> None:
        super().__init__("gpu-runners:index:ForgeRepository", name, {}, opts)
        self._name, self._repository = name, args["repository"]
        wired: list[pulumi.Resource] = [self._permissions()]
        for key, value in args["variables"].items():
            wired.append(self._variable(key, value))
        for key, value in args["secrets"].items():
            wired.append(self._secret(key, value))
        for environment in args["environments"]:
            wired += self._environment(environment)
        self.repository = pulumi.Output.all(*(resource.urn for resource in wired)).apply(lambda _: args["repository"])
        self.register_outputs({"repository": self.repository})

    def _permissions(self) -> pulumi.Resource:
        """Actions are on, and only actions that are pinned by their commit run."""
        return github.ActionsRepositoryPermissions(
            f"{self._name}-permissions",
            repository=self._repository,
            enabled=True,
            allowed_actions="all",
            sha_pinning_required=True,
            opts=self._child(),
        )

    def _variable(self, key: str, value: pulumi.Input[str]) -> pulumi.Resource:
        return github.ActionsVariable(
            f"{self._name}-{key}",
            repository=self._repository,
            variable_name=key,
            value=value,
            opts=self._child(),
        )

    def _secret(self, key: str, value: pulumi.Input[str]) -> pulumi.Resource:
        return github.ActionsSecret(
            f"{self._name}-{key}",
            repository=self._repository,
            secret_name=key,
            value=pulumi.Output.secret(value),
            opts=self._child(),
        )

    def _environment(self, wanted: ForgeEnvironment) -> list[pulumi.Resource]:
        prefix = f"{self._name}-{wanted['name']}"
        users, teams = list(wanted.get("reviewer_users", ())), list(wanted.get("reviewer_teams", ()))
        reviewers: list[github.RepositoryEnvironmentReviewerArgsDict] = [
            {"users": [int(number) for number in users], "teams": [int(number) for number in teams]}
        ]
        environment = github.RepositoryEnvironment(
            prefix,
            repository=self._repository,
            environment=wanted["name"],
            # Who may push to a named branch decides, not who may administer the repository.
            can_admins_bypass=False,
            deployment_branch_policy={"protected_branches": False, "custom_branch_policies": True},
            reviewers=reviewers if users or teams else None,
            opts=self._child(),
        )
        within = pulumi.ResourceOptions(parent=self, depends_on=[environment])
        policies: list[pulumi.Resource] = [
            github.RepositoryEnvironmentDeploymentPolicy(
                f"{prefix}-{branch}",
                repository=self._repository,
                environment=wanted["name"],
                branch_pattern=branch,
                opts=within,
            )
            for branch in wanted["branches"]
        ]
        variables: list[pulumi.Resource] = [
            github.ActionsEnvironmentVariable(
                f"{prefix}-{key}",
                repository=self._repository,
                environment=wanted["name"],
                variable_name=key,
                value=value,
                opts=within,
            )
            for key, value in wanted.get("variables", {}).items()
        ]
        secrets: list[pulumi.Resource] = [
            github.ActionsEnvironmentSecret(
                f"{prefix}-{key}",
                repository=self._repository,
                environment=wanted["name"],
                secret_name=key,
                value=pulumi.Output.secret(value),
                opts=within,
            )
            for key, value in wanted.get("secrets", {}).items()
        ]
        return [environment, *policies, *variables, *secrets]

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)
